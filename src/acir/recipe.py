"""A recipe: everything that decides how a model is trained, as TOML and as frozen dataclasses.

`acir.tables` checks keys, types and ranges; here is what they mean.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from acir import tables
from acir.errors import RecipeError, suggestion
from acir.tables import Component, Count, NotNegative, Positive, Range, Share, Table

BITS_PER_BYTE = 8
LEAST_SIDE = 4  # of the coarsest picture that a wavelet can be laid on


@dataclass(frozen=True)
class PrepRecipe(Table):
    """From record to tensor.

    Attributes:
        size: Side of the square that the network sees, in pixels; at least that of a fingerprint.
        channels: `grey` drops colour, `colour` keeps it, `auto` keeps it when the training
            pictures have any.
    """

    table: ClassVar[str] = "prep"
    size: Annotated[int, Range(16)] = 64
    channels: Literal["auto", "grey", "colour"] = "auto"


@dataclass(frozen=True)
class AugmentRecipe(Table):
    """The random half of preparation; the defaults keep the side and the orientation.

    Attributes:
        scale: Smallest side of the random crop as a share of the picture, in (0, 1].
        degrees: Largest rotation to either side.
        contrast: Largest relative change of contrast and of brightness, in [0, 1).
        flip_horizontal: Whether left and right may be exchanged. Off by default: in a radiograph
            a flip changes the meaning (situs, laterality).
        flip_vertical: Whether top and bottom may be exchanged.
        quarter_turns: Whether the picture may be turned by 90 degrees, for pictures without a
            canonical pose.
    """

    table: ClassVar[str] = "augment"
    scale: Annotated[float, Range(0, 1, open_low=True)] = 0.85
    degrees: NotNegative = 10.0
    contrast: Share = 0.1
    flip_horizontal: bool = False
    flip_vertical: bool = False
    quarter_turns: bool = False


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
        directions: Directions of the wavelets over half a circle.
        grid: Cells to a side in which the answers are averaged.
        out: Width of the projection.
        dropout: Share of answers dropped in training.
    """

    table: ClassVar[str] = "model.scattering"
    on: bool = False
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
    """

    table: ClassVar[str] = "model.head"
    name: Literal["kan", "mlp", "linear", "sign"] = "kan"
    hidden: Count = 64
    grid: Count = 5
    balance: bool = True


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


@dataclass(frozen=True)
class TrainingRecipe(Table):
    """Both stages of training.

    Attributes:
        epochs: Epochs of stage 1, everything but the decoder.
        decoder_epochs: Epochs of stage 2, the decoder alone.
        least_views: Pictures that stage 1 shows at least, counting repeats: an epoch of a small
            source shows it several times, in both stages; 0 for once.
        batch: Pictures a step, over all processes.
        learning_rate: Peak of the cosine schedule.
        final_learning_rate: End of the cosine schedule.
        warmup_epochs: Epochs of linear warm-up; may be a fraction.
        decoder_learning_rate: Peak for stage 2.
        weight_decay: AdamW's decoupled weight decay.
        betas: AdamW's two momenta.
        gradient_clip: Largest gradient norm; 0 for none.
        patience: Epochs without a better validation mAP before stage 1 stops; 0 for never.
        precision: `32` or `bf16` arithmetic.
        average: Decay, a step, of a moving average of the weights; the average is what is
            validated and kept. 0 for none.
        mixing: Both parameters of the Beta distribution by which two pictures are mixed to one in
            stage 1, with their labels; 0 for none.
        balance: How far stage 1 shows all classes equally often, in [0, 1]: 0 shows each picture
            once, 1 as many pictures of each class.
    """

    table: ClassVar[str] = "training"
    epochs: Count = 10
    decoder_epochs: Annotated[int, Range(0)] = 3
    least_views: Annotated[int, Range(0)] = 0
    batch: Count = 64
    learning_rate: Positive = 1e-3
    final_learning_rate: NotNegative = 5e-6
    warmup_epochs: NotNegative = 1.0
    decoder_learning_rate: Positive = 2e-3
    weight_decay: NotNegative = 0.05
    betas: tuple[Share, ...] = (0.9, 0.95)
    gradient_clip: NotNegative = 1.0
    patience: Annotated[int, Range(0)] = 0
    precision: Literal["32", "bf16"] = "32"
    average: Share = 0.0
    mixing: NotNegative = 0.0
    balance: Annotated[float, Range(0, 1)] = 0.0


@dataclass(frozen=True)
class CalibrationRecipe(Table):
    """Share of train kept for each of the calibration sets A and B; 0 for no promise."""

    table: ClassVar[str] = "calibration"
    fraction: Annotated[float, Range(0, 0.4)] = 0.1


@dataclass(frozen=True)
class GateRecipe(Table):
    """The knowledge boundary.

    Attributes:
        detectors: Components of `acir.ood` whose evidence is combined.
        unknown: False-alarm rate at which a query is withheld.
        caution: False-alarm rate at which an answer carries a warning.
        confidence: Probability with which both rates hold.
        references: Most training pictures that the detectors keep.
    """

    table: ClassVar[str] = "gate"
    detectors: tuple[str, ...] = (
        "residual",
        "knn",
        "knn_middle",
        "relative_mahalanobis",
        "pixel_statistics",
        "orientation",
    )
    unknown: Share = 0.03
    caution: Share = 0.08
    confidence: Share = 0.95
    references: Count = 5000


@dataclass(frozen=True)
class SearchRecipe(Table):
    """Ranker of the product; `auto` is the one that validation favours."""

    table: ClassVar[str] = "search"
    mode: Literal["auto", "plain", "within-distance", "fused"] = "auto"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a model is trained."""

    prep: PrepRecipe = PrepRecipe()
    augment: AugmentRecipe = AugmentRecipe()
    model: ModelRecipe = ModelRecipe()
    loss: Component = Component("sch")  # noqa: RUF009 - frozen
    training: TrainingRecipe = TrainingRecipe()
    calibration: CalibrationRecipe = CalibrationRecipe()
    gate: GateRecipe = GateRecipe()
    search: SearchRecipe = SearchRecipe()

    def __post_init__(self) -> None:
        """Refuse values that contradict each other."""
        _check_relations(self)


def shipped() -> list[str]:
    """List the names of the recipes that come with the package.

    Example:
        >>> "tiny" in shipped()
        True
    """
    return sorted(
        Path(f.name).stem
        for f in files("acir").joinpath("recipes").iterdir()
        if f.name.endswith(".toml")
    )


def load(name_or_path: str, settings: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe by its shipped name or from a TOML file.

    Args:
        name_or_path: A name that `shipped` lists, or the path of a `.toml` file.
        settings: Dotted keys and TOML values that replace what the recipe says, as in
            `{"training.epochs": "3"}`; a value that is not TOML is taken as text.

    Raises:
        RecipeError: No such recipe, broken TOML, an unknown key, a wrong type or range.
    """
    table = read(name_or_path)
    for key, text in (settings or {}).items():
        tables.put(table, key, _value(text))
    return from_dict(table)


def read(name_or_path: str) -> dict[str, Any]:
    """Return the tables of a recipe as they are written, for `from_dict`.

    Raises:
        RecipeError: No such recipe, or broken TOML.
    """
    try:
        return tomllib.loads(_text(name_or_path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name_or_path} is not valid TOML: {error}") from error


def _text(name_or_path: str) -> str:
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(
                f"there is no recipe at {name_or_path}; give a .toml file that exists"
            )
        return path.read_text(encoding="utf-8")
    if name_or_path not in shipped():
        raise RecipeError(
            f"there is no recipe {name_or_path!r}; give one of {', '.join(shipped())} or the path "
            f"of a .toml file.{suggestion(name_or_path, shipped())}"
        )
    return files("acir").joinpath("recipes", f"{name_or_path}.toml").read_text(encoding="utf-8")


def from_dict(table: Mapping[str, Any]) -> Recipe:
    """Turn plain tables, as TOML or JSON gives them, into a recipe.

    Raises:
        RecipeError: An unknown key, a wrong type or a value out of range.
    """
    return tables.build(Recipe, table)


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Turn a recipe into plain tables that `from_dict` reads back to an equal recipe."""
    return {key: tables.plain(value) for key, value in vars(recipe).items()}


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _check_relations(recipe: Recipe) -> None:
    model, gate = recipe.model, recipe.gate
    if model.bits % BITS_PER_BYTE:
        nearest = max(BITS_PER_BYTE, round(model.bits / BITS_PER_BYTE) * BITS_PER_BYTE)
        raise RecipeError(
            f"recipe key model.bits is {model.bits}, expected a multiple of {BITS_PER_BYTE}, "
            f"such as {nearest}"
        )
    wanted = {
        "gate.caution": (gate.unknown <= gate.caution, "at least gate.unknown"),
        "gate.detectors": (len(gate.detectors) > 0, "at least one detector"),
        "training.betas": (len(recipe.training.betas) == 2, "two values"),  # noqa: PLR2004 - AdamW's
        "model.decoder.widths": (len(model.decoder.widths) == 3, "three widths"),  # noqa: PLR2004 - its blocks
        "model.scattering.scales": (
            not model.scattering.on
            or recipe.prep.size >> (model.scattering.scales - 1) >= LEAST_SIDE,
            f"so few that prep.size halved as often less one stays at least {LEAST_SIDE}",
        ),
        "model.transformer.kept": (
            model.transformer.kept <= model.transformer.depth,
            "at most model.transformer.depth",
        ),
        "model.transformer.heads": (
            model.transformer.dim % model.transformer.heads == 0,
            "a divisor of model.transformer.dim",
        ),
    }
    for key, (holds, expected) in wanted.items():
        if not holds:
            raise RecipeError(f"recipe key {key} is out of range, expected {expected}")
