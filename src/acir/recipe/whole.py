"""All tables of a recipe together, and what they demand of one another."""

# ruff: noqa: RUF009 - every default is frozen

from dataclasses import dataclass

from acir.errors import RecipeError
from acir.recipe.answers import CalibrationRecipe, GateRecipe, SearchRecipe
from acir.recipe.model import ModelRecipe
from acir.recipe.pictures import AugmentRecipe, PrepRecipe
from acir.recipe.training import TrainingRecipe
from acir.tables import Component

BITS_PER_BYTE = 8
LEAST_SIDE = 4  # of the coarsest picture that a wavelet can be laid on


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a model is trained.

    Raises:
        RecipeError: Two values contradict each other, such as a size that the network halves away.
    """

    prep: PrepRecipe = PrepRecipe()
    augment: AugmentRecipe = AugmentRecipe()
    model: ModelRecipe = ModelRecipe()
    loss: Component = Component("sch")
    training: TrainingRecipe = TrainingRecipe()
    calibration: CalibrationRecipe = CalibrationRecipe()
    gate: GateRecipe = GateRecipe()
    search: SearchRecipe = SearchRecipe()

    def __post_init__(self) -> None:
        """Refuse values that contradict each other."""
        _check_relations(self)


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
        "model.scattering.directions": (model.scattering.directions % 2 == 0, "an even number"),
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
