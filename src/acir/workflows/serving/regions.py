"""A part of a picture that is asked about in place of the whole."""

from dataclasses import dataclass, replace
from math import ceil, floor

from acir.errors import UnreadableImageError, UsageError
from acir.types import ImageRecord
from acir.workflows.serving.queries import Query, about
from acir.workflows.serving.served import Served

ALL = 100.0
LEAST = 8  # pixels a side, below which a crop shows nothing
KEPT = 8  # regions of one picture that are remembered


@dataclass(frozen=True)
class Region:
    """A box in a picture, in percent of its sides.

    Attributes:
        left: From the left side.
        top: From the top.
        right: From the left side.
        bottom: From the top.

    Raises:
        UsageError: It does not lie in the picture, or is empty.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        """Refuse a box outside the picture."""
        if not (0 <= self.left < self.right <= ALL and 0 <= self.top < self.bottom <= ALL):
            raise UsageError(
                f"the region {self} does not lie in the picture; give left, top, right and bottom "
                "in percent of its sides"
            )

    def __str__(self) -> str:
        """Write it as it is given."""
        return f"{self.left:g}, {self.top:g}, {self.right:g}, {self.bottom:g}"

    def crop(self, record: ImageRecord) -> ImageRecord:
        """Return the part of a picture in it; a pixel that it touches belongs to it.

        Window, patient and metadata stay those of the picture.

        Raises:
            UsageError: It has fewer than 8 pixels a side.
        """
        height, width = record.pixels.shape[:2]
        rows = slice(floor(self.top * height / ALL), ceil(self.bottom * height / ALL))
        columns = slice(floor(self.left * width / ALL), ceil(self.right * width / ALL))
        pixels = record.pixels[rows, columns]
        if min(pixels.shape[:2]) < LEAST:
            raise UsageError(
                f"the region has {pixels.shape[1]} x {pixels.shape[0]} pixels; draw one of at "
                f"least {LEAST} x {LEAST}"
            )
        return replace(record, pixels=pixels)


def within(query: Query, region: Region, served: Served) -> Query:
    """Return a query about a region of the only picture of another; the last ones are remembered.

    Raises:
        UsageError: There are several pictures or none that can be read, or the region is too small.
    """
    found = query.regions.get(region)
    if found is not None:
        return found
    view, *others = query.views
    if others or isinstance(view.found, UnreadableImageError):
        raise UsageError("a region is drawn in one picture that can be read; give that one alone")
    asked = about(served, region.crop(view.found.record), view.name)
    if len(query.regions) >= KEPT:
        query.regions.clear()
    return query.regions.setdefault(region, replace(query, views=(asked,), regions={}))
