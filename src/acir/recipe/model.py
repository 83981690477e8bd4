"""The network, block by block."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

from acir.tables import Component, Count, Share, Table


@dataclass(frozen=True)
class AttentionRecipe(Table):
    """Windowed self-attention on the stem's maps (ConvMSA)."""

    table: ClassVar[str] = "model.attention"
    on: bool = True
    window: Count = 7
    heads: Count = 4
    head_dim: Count = 16


@dataclass(frozen=True)
class FusionRecipe(Table):
    """Depth-aware representation fusion (DaRF): shallow queries attend to the deep map."""

    table: ClassVar[str] = "model.fusion"
    on: bool = True
    heads: Count = 4
    head_dim: Count = 32


@dataclass(frozen=True)
class TransformerRecipe(Table):
    """Transformer over the positions of the deep map.

    Attributes:
        on: Whether the block is there.
        dim: Width of a token.
        depth: Number of layers.
        heads: Attention heads of a layer.
        mlp: Width of the hidden layer of a block.
        dropout: Share of activations dropped in training.
        kept: Number of last layers whose tokens are used.
        out: Width of the global and of the local features each.
    """

    table: ClassVar[str] = "model.transformer"
    on: bool = True
    dim: Count = 128
    depth: Count = 2
    heads: Count = 4
    mlp: Count = 256
    dropout: Share = 0.1
    kept: Count = 2
    out: Count = 128


@dataclass(frozen=True)
class ScatteringRecipe(Table):
    """Answers of wavelets, which need no learning, among the blended features.

    Attributes:
        on: Whether the block is there.
        scales: Octaves, from edges of 2 pixels upwards; the picture halved `scales` - 1 times must
            be 4 pixels wide.
        symmetry: `square` for features that stay as they are when the picture is turned by quarters
            or mirrored, `none` for others; `auto` takes `square` where the training pictures have
            no up.
        directions: Directions of the wavelets over half a circle, an even number: a quarter turn
            must lead from one to another.
        grid: Cells to a side in which the answers are averaged.
        out: Width of the projection.
        dropout: Share of answers dropped in training.
    """

    table: ClassVar[str] = "model.scattering"
    on: bool = False
    symmetry: Literal["auto", "none", "square"] = "auto"
    scales: Count = 3
    directions: Count = 4
    grid: Count = 4
    out: Count = 128
    dropout: Share = 0.5


@dataclass(frozen=True)
class HeadRecipe(Table):
    """From blended features to hash logits.

    Attributes:
        name: `kan` for two Kolmogorov-Arnold layers, `mlp` for two linear ones with a bend between,
            `linear` for one, `sign` for one whose signs, not values, are classified.
        hidden: Width between the two layers.
        grid: Intervals of the spline grid; `kan` only.
        balance: Whether each logit is centred and scaled over the batch.
        nested: Whether the first 8, 16, 32 ... bits are to be good codes too, for a loss that can
            teach them so. `linear` and `sign` then learn the classes from as many of the first bits
            as chance says, a number for each picture.
        posterior: Whether how likely each class is joins the embedding, so that content-guided
            ranking weighs the classes. The loss must teach the class head: `sch` with
            `classification` above 0, or `acir_published`.
    """

    table: ClassVar[str] = "model.head"
    name: Literal["kan", "mlp", "linear", "sign"] = "kan"
    hidden: Count = 64
    grid: Count = 5
    balance: bool = True
    nested: bool = False
    posterior: bool = False


@dataclass(frozen=True)
class DecoderRecipe(Table):
    """From the deep map back to the picture; `widths` are those of its three blocks."""

    table: ClassVar[str] = "model.decoder"
    on: bool = True
    widths: tuple[Count, ...] = (64, 48, 32)


@dataclass(frozen=True)
class ModelRecipe(Table):
    """The network.

    Attributes:
        bits: Length of the code, a multiple of 8.
        stem: Component of `acir.models.stems`.
        attention: Windowed attention.
        fusion: Depth-aware fusion.
        transformer: Pixel transformer.
        scattering: Wavelet scattering.
        pooled: Whether the average of the deep map joins the blended features: a short way from the
            stem to the head, past the blocks. Without any block it is all there is.
        head: Hash head.
        decoder: Reconstruction.
        pretrained: File or URL with stem weights (torchvision's or RadImageNet's names); empty
            for none.
        pretrained_sha256: SHA-256 of that file, needed with a URL.
    """

    table: ClassVar[str] = "model"
    bits: Count = 32
    stem: Component = Component(  # noqa: RUF009 - frozen
        "resnet", MappingProxyType({"depth": 18, "width": 32, "small": True})
    )
    attention: AttentionRecipe = AttentionRecipe()
    fusion: FusionRecipe = FusionRecipe()
    transformer: TransformerRecipe = TransformerRecipe()
    scattering: ScatteringRecipe = ScatteringRecipe()
    pooled: bool = False
    head: HeadRecipe = HeadRecipe()
    decoder: DecoderRecipe = DecoderRecipe()
    pretrained: str = ""
    pretrained_sha256: str = ""
