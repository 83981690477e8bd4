"""Pictures of risky kinds, drawn in code, with and without a name written into them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import (  # type: ignore[import-untyped]
    gaussian_filter,
    map_coordinates,
    zoom,
)

FONTS = sorted(Path("/usr/share/fonts/truetype/dejavu").glob("*.ttf"))
BACKGROUNDS = ("ultrasound", "endoscopy", "capture", "page", "slice")
NAMES = ("SMITH", "Meyer", "O'BRIEN", "Garcia", "NOWAK", "Johansson", "TANAKA", "Kowalska")
PLACES = ("BAPTIST MED CTR", "St. Mary Hospital", "Klinikum Nord", "UNIV HOSP 12")


@dataclass(frozen=True)
class Written:
    """A picture, what was written into it, and where.

    Attributes:
        pixels: Grey or colour.
        clean: The same before anything was written.
        text: What was written.
        where: The pixels that writing has changed.
        size: Height of the font in pixels.
        angle: Degrees by which the text is turned.
        contrast: Difference of the ink to what is around it, in grey levels.
    """

    pixels: UInt8[np.ndarray, "..."]
    clean: UInt8[np.ndarray, "..."]
    text: str
    where: Bool[np.ndarray, "h w"]
    size: int
    angle: float
    contrast: float


def drawn(seed: int) -> Written:
    """Draw a picture and write a name, a number, a date or a hospital into it."""
    random = np.random.default_rng(seed)
    clean = background(BACKGROUNDS[seed % len(BACKGROUNDS)], random)
    text = _words(random)
    size = int(random.integers(10, 33))
    angle = float(random.choice([0, 0, 0, 0, 90, 180, 270, random.uniform(-40, 40)]))
    ink = _ink(text, size, angle, random)
    height, width = clean.shape[:2]
    while ink.shape[0] >= height or ink.shape[1] >= width:
        size -= 1
        ink = _ink(text, max(10, size), angle, random)
        text = text[:-1] if size < 10 else text
    top = int(random.integers(0, height - ink.shape[0]))
    left = int(random.integers(0, width - ink.shape[1]))
    return _inked(clean, ink, (top, left), (text, max(10, size), angle), random)


def background(kind: str, random: np.random.Generator) -> UInt8[np.ndarray, "..."]:
    """Draw a picture without text: speckle in a fan, a tube, a screen, a page or a slice."""
    height, width = int(random.integers(240, 481)), int(random.integers(320, 641))
    if kind == "ultrasound":
        return _ultrasound(height, width, random)
    if kind == "endoscopy":
        return _endoscopy(height, width, random)
    if kind == "capture":
        grey = np.zeros((height, width))
        inner = slice(height // 6, -height // 8), slice(width // 8, -width // 4)
        grey[inner] = 255 * _cloud(grey[inner].shape, 8, random)
    elif kind == "page":
        grey = 225 + 20 * _cloud((height, width), 60, random) + random.normal(0, 2, (height, width))
    else:
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        body = np.hypot(x / 0.8, y / 0.7) < 1
        grey = body * (90 + 110 * _cloud((height, width), 12, random))
        grey = grey + random.normal(0, 6, (height, width))
    return _bytes(grey)


def _cloud(
    shape: tuple[int, ...], grain: float, random: np.random.Generator
) -> Float[np.ndarray, "h w"]:
    noise = gaussian_filter(random.normal(size=shape), grain)
    cloud: Float[np.ndarray, "h w"] = (noise - noise.min()) / (noise.max() - noise.min())
    return cloud


def _ultrasound(height: int, width: int, random: np.random.Generator) -> UInt8[np.ndarray, "h w"]:
    """Speckle, log-compressed and finer near the probe, within a fan."""
    depth, across = 220, 160
    field = random.normal(size=(depth, across)) + 1j * random.normal(size=(depth, across))
    field = gaussian_filter(field.real, (1.0, 1.6)) + 1j * gaussian_filter(field.imag, (1.0, 1.6))
    echo = 0.15 + _cloud((depth, across), 14, random)
    log = 20 * np.log10(np.abs(field) * echo + 1e-4)
    level = np.clip((log - np.percentile(log, 99.9) + 50) / 50, 0, 1)
    y, x = np.mgrid[0:height, 0:width]
    r = np.hypot(y, x - width / 2) / height
    theta = np.arctan2(x - width / 2, y)
    fan = (r > 0.1) & (r < 0.97) & (np.abs(theta) < 0.7)
    where = [(r - 0.1) / 0.87 * (depth - 1), (theta + 0.7) / 1.4 * (across - 1)]
    shown = gaussian_filter(map_coordinates(level, where, order=1), 1.0)
    return _bytes(220 * fan * shown**1.3)


def _endoscopy(height: int, width: int, random: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = np.clip(1.1 - np.hypot(x, y), 0, 1) * (np.hypot(x / 1.1, y) < 1)
    folds = 0.6 + 0.4 * _cloud((height, width), 18, random)
    colours = np.array([220.0, 110.0, 90.0])
    grey = (light * folds)[..., None] * colours
    vessels = zoom(random.random((height // 16, width // 16)), 16, order=3)
    rows = np.zeros((height, width))
    rows[: vessels.shape[0], : vessels.shape[1]] = vessels[:height, :width]
    grey[..., 1:] -= 25 * rows[..., None] * light[..., None]
    return _bytes(grey + random.normal(0, 3, grey.shape))


def _bytes(values: Float[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    levels: UInt8[np.ndarray, ...] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return levels


def _words(random: np.random.Generator) -> str:
    return str(
        random.choice(
            [
                f"{random.choice(NAMES)}, {random.choice(['Anna', 'JOHN', 'Li', 'Piotr'])}",
                f"ID {random.integers(10**6, 10**8)}",
                ".".join(f"{random.integers(*r):02}" for r in ((1, 29), (1, 13), (1930, 2020))),
                str(random.choice(PLACES)),
            ]
        )
    )


def _ink(
    text: str, size: int, angle: float, random: np.random.Generator
) -> Float[np.ndarray, "h w"]:
    font = ImageFont.truetype(str(random.choice([str(f) for f in FONTS])), size)
    left, top, right, bottom = font.getbbox(text)
    mask = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, fill=255, font=font)
    turned = mask.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    return np.asarray(turned, dtype=np.float64) / 255


def _inked(
    clean: UInt8[np.ndarray, "..."],
    ink: Float[np.ndarray, "rows columns"],
    corner: tuple[int, int],
    said: tuple[str, int, float],
    random: np.random.Generator,
) -> Written:
    """Write in a shade that differs from what is around it by 70 grey levels or more."""
    rows = slice(corner[0], corner[0] + ink.shape[0])
    columns = slice(corner[1], corner[1] + ink.shape[1])
    around = np.median(clean[rows, columns].reshape(-1, *clean.shape[2:]), axis=0)
    contrast = float(random.uniform(70, 200))
    level = float(np.mean(around))
    shade = (
        level + contrast if level + contrast <= 255 or level - contrast < 0 else level - contrast
    )
    shade = float(np.clip(shade, 0, 255))
    pixels = clean.astype(np.float64)
    alpha = ink if clean.ndim == 2 else ink[..., None]
    pixels[rows, columns] = pixels[rows, columns] * (1 - alpha) + shade * alpha
    where = np.zeros(clean.shape[:2], dtype=bool)
    where[rows, columns] = ink > 0.3
    text, size, angle = said
    return Written(_bytes(pixels), clean, text, where, size, angle, abs(shade - level))
