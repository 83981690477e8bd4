"""What the words after `phantom:` ask for."""

import re
from dataclasses import dataclass
from types import MappingProxyType

from acir.errors import SourceError
from acir.sources.phantom.slices import ELEVEN, SIXTEEN, SMEAR

SIDE, LEAST_SIDE, MOST_SIDE = 128, 64, 512
PER_CLASS = 60
MOST = 100_000

_KINDS = MappingProxyType({"": tuple(ELEVEN), "ct16": tuple(SIXTEEN), SMEAR: (SMEAR,)})
# No more digits than the bounds have: `int` refuses thousands of them in its own words.
_WORDS = re.compile(
    r"(?P<kind>ct16|smear)?(?:(?(kind),)(?P<count>[0-9]{1,6}))?(?:@(?P<side>[0-9]{1,3}))?"
)


@dataclass(frozen=True)
class Request:
    """Some pictures.

    Attributes:
        classes: Names of their classes.
        count: Pictures of each class.
        side: Pixels along an edge.
    """

    classes: tuple[str, ...]
    count: int = PER_CLASS
    side: int = SIDE


def parse(location: str) -> Request:
    """Read `[N]`, `ct16[,N]` or `smear[,N]`, then `[@SIDE]`.

    Raises:
        SourceError: It is none of these, or a number is out of bounds.

    Example:
        >>> parse("smear,4@224")
        Request(classes=('smear',), count=4, side=224)
    """
    words = _WORDS.fullmatch(location)
    count = int((words and words["count"]) or PER_CLASS)
    side = int((words and words["side"]) or SIDE)
    if not words or not 1 <= count <= MOST or not LEAST_SIDE <= side <= MOST_SIDE:
        raise SourceError(
            f"phantom:{location} is not understood; write phantom: or phantom:N for N slices of "
            "each of eleven classes, phantom:ct16,N for sixteen, or phantom:smear,N for blood "
            f"smears, N from 1 to {MOST}, and @SIDE behind it for other than {SIDE} pixels, "
            f"from {LEAST_SIDE} to {MOST_SIDE}"
        )
    return Request(_KINDS[words["kind"] or ""], count, side)
