"""A recipe: everything that decides how a model is trained, as TOML and as frozen dataclasses.

`acir.tables` checks keys, types and ranges; the dataclasses say what they mean.
"""

from acir.recipe.answers import CalibrationRecipe, GateRecipe, SearchRecipe
from acir.recipe.model import (
    AttentionRecipe,
    DecoderRecipe,
    FusionRecipe,
    HeadRecipe,
    ModelRecipe,
    ScatteringRecipe,
    TransformerRecipe,
)
from acir.recipe.pictures import AugmentRecipe, PrepRecipe
from acir.recipe.reading import from_dict, load, read, shipped, to_dict
from acir.recipe.training import TrainingRecipe
from acir.recipe.whole import Recipe

__all__ = [
    "AttentionRecipe",
    "AugmentRecipe",
    "CalibrationRecipe",
    "DecoderRecipe",
    "FusionRecipe",
    "GateRecipe",
    "HeadRecipe",
    "ModelRecipe",
    "PrepRecipe",
    "Recipe",
    "ScatteringRecipe",
    "SearchRecipe",
    "TrainingRecipe",
    "TransformerRecipe",
    "from_dict",
    "load",
    "read",
    "shipped",
    "to_dict",
]
