"""The bad-input suite: what a gate must refuse, should warn of and must accept.

A corruption is one row, beside its function, in the file of its group. What is not made from
pictures at hand is not here: classes left out of training, other data sets, and attacks.
"""

from dataclasses import replace

from acir.robustness import (
    blank,
    blur,
    geometry,
    intensity,
    mild,
    modality,
    noise,
    overlay,
    screen,
    structure,
    truncated,
)
from acir.robustness.corruption import ACCEPT, Corruption

GROUPS = (
    blank,
    truncated,
    intensity,
    geometry,
    noise,
    blur,
    overlay,
    screen,
    structure,
    modality,
    mild,
)


def suite(oriented: bool) -> tuple[Corruption, ...]:
    """Return every corruption, group by group.

    Args:
        oriented: Whether the modality has an up, as a radiograph and not a blood cell. Without
            one, a picture that is turned or mirrored must be accepted.

    Example:
        >>> {c.name: c.tier(1) for c in suite(oriented=False)}["upside_down"]
        'accept'
    """
    corruptions = [corruption for group in GROUPS for corruption in group.CORRUPTIONS]
    if oriented:
        return tuple(corruptions)
    return tuple(replace(c, tiers=ACCEPT) if c.turns else c for c in corruptions)
