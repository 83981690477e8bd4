"""Wavelet scattering: what a picture is made of, known without having learned it.

A few hundred pictures teach a network little. How strongly edges of each scale and direction
answer in each part of a picture, and how these answers are arranged among themselves, needs no
teaching, so it joins the blended features as their shallowest part.

Nor need it be taught, where pictures have no up, that one turned by quarters or mirrored shows the
same: what the answers would be then is known without looking again, since the same answers change
places. All eight are projected alike, and the mean is kept.

Bruna and Mallat, "Invariant Scattering Convolution Networks", PAMI 2013,
https://arxiv.org/abs/1203.1513; beside a learned network: Oyallon et al., "Scattering Networks for
Hybrid Representation Learning", PAMI 2018, https://arxiv.org/abs/1809.06367.

=========================  ===============================================================
papers                     here
=========================  ===============================================================
psi                        `morlets`: the same small kernel at every scale
x * psi at scale 2^j       the kernel on the picture halved j times by 2 x 2 means
U[l] x = |x * psi_l|       first order, `Scattering.answers`
U[l, m] x = |U[l] x * psi_m|  second order, with psi_m coarser than psi_l
x averaged                 order zero, of each channel; the other orders are of the grey picture
S = U x * phi              the mean over each cell of a grid, then its logarithm
=========================  ===============================================================

Halving by means instead of convolving with ever larger wavelets, and cells instead of a Gaussian
phi, cost a twentieth of the time and are as good (log, 2026-11-23). The kernels are those of
kymatio 0.3.0 (correlation 1.000 each); kymatio itself does not import beside SciPy 1.17.
"""

import math
from itertools import product

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from acir.models.standardise import Standardise
from acir.recipe import ScatteringRecipe

RADIUS = 3
SIGMA = 0.8
FREQUENCY = 0.75 * math.pi  # radians a pixel
SYMMETRIES = 8  # of a square
FLOOR = 1e-3  # of an answer, before its logarithm; a quarter of a grey level of 256
SMALLEST_SQUARE = 1e-12  # keeps the gradient of the modulus finite


class Scattering(nn.Module):
    """Describe pictures by the answers of wavelets on a grid of cells, projected.

    The answer in each cell is standardised over the pictures. Only the projection behind that is
    learned.

    With the symmetry `square` it is the mean over the eight symmetries of the square (Cohen and
    Welling, "Group Equivariant Convolutional Networks", ICML 2016,
    https://arxiv.org/abs/1602.07576), so a picture turned by quarters or mirrored has the same
    features: exactly where both sides can be halved `scales` - 1 times without a rest, nearly
    elsewhere.

    Args:
        recipe: Symmetry, scales, directions, cells, width, dropout. A symmetry `auto` that nobody
            has settled is none; see `acir.models.uprightness`.
    """

    kernels: Float[Tensor, "waves 1 side side"]
    orbit: Int[Tensor, "ways features"]

    def __init__(self, recipe: ScatteringRecipe) -> None:
        super().__init__()
        waves = morlets(recipe.directions)
        kernels = torch.cat([waves.real, waves.imag])[:, None]
        self.register_buffer("kernels", kernels, persistent=False)
        self.scales = recipe.scales
        self.grid = recipe.grid
        ways = SYMMETRIES if recipe.symmetry == "square" else 1
        self.register_buffer("orbit", orbit(recipe)[:ways], persistent=False)
        features = self.orbit.shape[1]
        self.project = nn.Sequential(
            Standardise(features),
            nn.Dropout(recipe.dropout),
            nn.Linear(features, recipe.out),
            nn.LayerNorm(recipe.out),
            nn.GELU(),
        )

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch out"]:
        """Return one vector a picture; pictures are in [0, 1]."""
        ways = rearrange(self.ways(images), "b way feature -> (b way) feature")
        projected: Tensor = self.project(ways)
        return reduce(projected, "(b way) out -> b out", "mean", b=len(images))

    def ways(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch ways features"]:
        """Return the logarithms of the answers, of a picture as it is and in the other ways."""
        return torch.log(self.answers(images) + FLOOR).flatten(1)[:, self.orbit]

    def answers(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch answers grid grid"]:
        """Return channels, then per scale the first order and the coarser second orders."""
        grey = images.mean(dim=1, keepdim=True)
        found = [images]
        for scale in range(self.scales):
            coarser = self._moduli(grey)
            found.append(coarser)
            for _ in range(scale + 1, self.scales):
                coarser = _halved(coarser)
                found.append(self._moduli(coarser))
            grey = _halved(grey)
        return torch.cat([F.adaptive_avg_pool2d(maps, self.grid) for maps in found], dim=1)

    def _moduli(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b answers h w"]:
        """Return |map * psi| for each map and direction."""
        alone = rearrange(maps, "b c h w -> (b c) 1 h w")
        padded = F.pad(alone, (RADIUS,) * 4, mode="reflect")
        real, imaginary = F.conv2d(padded, self.kernels).chunk(2, dim=1)
        moduli = (real.square() + imaginary.square() + SMALLEST_SQUARE).sqrt()
        return rearrange(moduli, "(b c) wave h w -> b (c wave) h w", c=maps.shape[1])


def morlets(directions: int) -> Complex[Tensor, "directions side side"]:
    """Return Morlet wavelets of 7 x 7 pixels, evenly turned over half a circle.

    Each is a wave under a Gaussian, less as much of the Gaussian as makes it blind to a constant.
    The Gaussian sums to 1 and is `directions` / 4 times as long across the wave as along it.

    Example:
        >>> morlets(4).sum(dim=(1, 2)).abs().max() < 1e-6
        tensor(True)
    """
    line = torch.arange(-RADIUS, RADIUS + 1.0)
    y, x = torch.meshgrid(line, line, indexing="ij")
    waves = []
    for turn in range(directions):
        angle = math.pi * turn / directions
        along = x * math.cos(angle) + y * math.sin(angle)
        across = (y * math.cos(angle) - x * math.sin(angle)) * 4 / directions
        bell = torch.exp(-(along.square() + across.square()) / (2 * SIGMA**2))
        wave = bell * torch.exp(1j * FREQUENCY * along)
        waves.append((wave - bell * wave.sum() / bell.sum()) / bell.sum())
    return torch.stack(waves)


def orbit(recipe: ScatteringRecipe) -> Int[Tensor, "ways features"]:
    """Say where each answer of a cell is to be found once the picture is turned or mirrored.

    Answer, row and column are counted through in the order of `Scattering.answers`. The first
    symmetry leaves everything in its place.

    Example:
        >>> orbit(ScatteringRecipe(scales=1, directions=2, grid=1))[:, 3:].unique(dim=0)
        tensor([[3, 4],
                [4, 3]])
    """
    cells = torch.arange(recipe.grid**2).reshape(recipe.grid, recipe.grid)
    found = []
    for transposed, mirrored, upended in product((False, True), repeat=3):
        moved = cells.T if transposed else cells
        turned = [axis for axis, on in ((1, mirrored), (0, upended)) if on]
        answers = _answers_after(recipe, transposed=transposed, mirrored=mirrored != upended)
        places = answers[:, None] * recipe.grid**2 + moved.flip(turned).flatten()
        found.append(places.flatten())
    return torch.stack(found)


def _answers_after(
    recipe: ScatteringRecipe, *, transposed: bool, mirrored: bool
) -> Int[Tensor, " answers"]:
    """Say which answer takes the place of each: of channels, first order, second order."""
    count = recipe.directions
    direction = torch.arange(count)
    if mirrored:
        direction = -direction % count
    if transposed:  # of a quarter turn and a mirror; needs an even number of directions
        direction = (count // 2 - direction) % count
    pairs = (direction[:, None] * count + direction).flatten()
    blocks = [torch.arange(3)]
    for scale in range(recipe.scales):
        blocks += [direction, *[pairs] * (recipe.scales - scale - 1)]
    sizes = torch.tensor([0, *map(len, blocks)]).cumsum(0)
    return torch.cat([start + block for start, block in zip(sizes, blocks, strict=False)])


def _halved(maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c half_h half_w"]:
    return F.avg_pool2d(maps, 2, ceil_mode=True)
