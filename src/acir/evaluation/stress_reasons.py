"""Whether the gate names the right reason: which codes are right for which corruption.

A reason is right where its words are true of what was done. A detector of broken or altered pixels
is right about any change of them. Those that know content are right only where content changed:
a noisy chest that is said to look like no training picture has been given the wrong reason. What is
shown smaller, larger or out of proportion has other edges, another sharpness or other borders too,
and what is turned has structures of other directions.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from acir.evaluation.stress import UNKNOWN_SET, Stress, Trial
from acir.evaluation.stress_scores import mean

PIXELS = frozenset(
    {
        "pixels",
        "texture",
        "spectrum",
        "part",
        "reconstruction",
        "reconstruction-error",
        "denoising",
        "perturbation",
    }
)
CONTENT = frozenset(
    {"nearest-neighbour", "no-class", "new-variation", "weak-classes", "code", "put-together"}
)
EMPTY = frozenset({"blank"})
GEOMETRY = CONTENT | {"orientation", "spectrum", "reconstruction", "reconstruction-error"}
ANYTHING = PIXELS | CONTENT | EMPTY
WRITTEN = ANYTHING | {"drawing", "frame", "truncated"}
ACCEPTED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "blank": PIXELS | EMPTY,
        "truncated": PIXELS | EMPTY | {"truncated"},
        "intensity": PIXELS | EMPTY,  # a wrong window may leave nothing
        "geometry": GEOMETRY,
        "noise": PIXELS,
        "overlay": PIXELS | {"drawing"},
        "screenshot": ANYTHING
        | {"frame", "truncated"},  # the frame of a window may end in grey rows
        "structure": ANYTHING,
        "modality": ANYTHING,
        UNKNOWN_SET: ANYTHING | {"frame", "orientation", "shape", "truncated", "unreadable"},
    }
)
ACCEPTED_OF_KIND: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "inverted": PIXELS | EMPTY | {"inverted"},
        "nothing_but_noise": ANYTHING,
        "jpeg": PIXELS | {"compression"},
        **dict.fromkeys(("text_page", "qr_code", "letters"), WRITTEN),
        **dict.fromkeys(("zoomed_out", "cropped", "stretched"), GEOMETRY | PIXELS),
    }
)


def accepted(trial: Trial) -> frozenset[str]:
    """Return the codes that are right; none for a group that nothing is laid down for."""
    return ACCEPTED_OF_KIND.get(trial.kind, ACCEPTED.get(trial.group, frozenset()))


def matched(trial: Trial) -> float | None:
    """Return the share of the pictures called unknown whose reason is right.

    None where no picture is called so, or nothing is laid down for the group.
    """
    right, judged = accepted(trial), trial.judged
    pairs = zip(judged.states, judged.reason_codes, strict=True)
    flags = [code in right for state, code in pairs if state == "unknown"]
    return sum(flags) / len(flags) if flags and right else None


def reason_match(found: Stress) -> float | None:
    """Return that share of what must be rejected: the mean over kinds; None where nothing was."""
    by_kind = {kind: _mean(trials) for kind, trials in found.of("reject").items()}
    shares = {kind: share for kind, share in by_kind.items() if share is not None}
    return mean(shares) if shares else None


def to_dict(found: Stress) -> dict[str, Any]:
    """Return how often the reason is right, as a whole and by kind, and what counts as right."""
    groups = {trial.group for trial in found.trials if accepted(trial)}
    return {
        "match": reason_match(found),
        "by_type": {kind: _mean(trials) for kind, trials in found.of("reject").items()},
        "accepted": {group: sorted(ACCEPTED[group]) for group in sorted(groups & set(ACCEPTED))},
    }


def _mean(trials: list[Trial]) -> float | None:
    shares = [share for trial in trials if (share := matched(trial)) is not None]
    return sum(shares) / len(shares) if shares else None
