"""The model card of a bundle, as Markdown: what it is, what it is good for, what it is not.

Sections follow Mitchell et al., "Model cards for model reporting", FAT* 2019,
https://doi.org/10.1145/3287560.3287596.
"""

import re
from collections.abc import Mapping
from typing import Any

from acir.recipe import Recipe

_BOUNDARY = re.compile(r"^## Knowledge boundary\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def model_card(recipe: Recipe, data: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Write the card.

    Args:
        recipe: How the model was trained.
        data: The data report of its manifest.
        metrics: What was measured on validation.
    """
    classes = "\n".join(
        f"| {name} | {row['n']} | {_number(row['mAP'])} | {_number(row['P@1'])} |"
        for name, row in metrics["per_class"].items()
    )
    leakage = _leakage(data["patients"], data["alike"])
    promise = _promise(recipe, metrics["calibration"])
    pictures = ", ".join(f"{count} {part}" for part, count in sorted(data["pictures"].items()))
    return f"""# Model card

**Not a medical device.** For research into image retrieval; no clinical decision may rest on it.

## Model
{recipe.model.bits}-bit codes, {metrics["parameters"] / 1e6:.2f} M parameters, loss
`{recipe.loss.name}`, seed {metrics["seed"]}.

## Data
{pictures}. {leakage} {data["duplicates"]} duplicate pictures, {data["in_two_splits"]} of them
in two splits.

## Validation
mAP {_number(metrics["mAP"])} ({metrics["split"]}; ties averaged), after re-ranking
{_number(metrics["reranked"]["mAP"])} (`{metrics["reranked"]["mode"]}`).

| class | pictures | mAP | P@1 |
|---|---|---|---|
{classes}

## Knowledge boundary
{promise} The promise holds for pictures like those of the training source; a new scanner ends it.

## Limits
The model knows the classes above and nothing else. A similar picture is not a diagnosis.
"""


def recalibrated_card(card: str, said: str) -> str:
    """Return a card that says of the knowledge boundary what is so now, and nothing of before.

    Args:
        card: The card of the model.
        said: What is promised, and since when.
    """
    section = f"## Knowledge boundary\n{said}\n\n"
    if not _BOUNDARY.search(card):
        return f"{card.rstrip()}\n\n{section}".lstrip()
    return _BOUNDARY.sub(lambda _: section, card, count=1)


def _leakage(patients: int | None, alike: int) -> str:
    known = (
        "No patient is named in the data, so leakage between splits cannot be excluded."
        if patients is None
        else f"{patients} patients, none in two splits."
    )
    if not alike:
        return known
    return f"{known} {alike} pictures without a patient were kept together with nearly equal ones."


def _promise(recipe: Recipe, calibration: Mapping[str, Any]) -> str:
    if not calibration["promised"]:
        return (
            f"No rate of false alarms is promised: {calibration['n']} calibration pictures are too "
            "few, too many of them are alike, or none were kept."
        )
    return (
        f"At most {calibration['promised']:.0%} of ordinary pictures are called unknown, with "
        f"{recipe.gate.confidence:.0%} confidence ({calibration['n']} calibration pictures)."
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
