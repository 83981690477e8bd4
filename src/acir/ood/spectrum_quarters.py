"""Mahalanobis distance, to the nearest class, of quarters of a picture by their spectrum."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from acir.ood.base import GaussianDetector
from acir.power_spectrum import by_places
from acir.tensors import Evidence

PARTS, PLACES, RINGS = 4, 5, 3


class SpectrumQuarters(GaussianDetector):
    """How unusual brightness and structures are in a quarter of a picture, without any network.

    As `SpectrumHalves`, with 25 windows a quarter as high and wide as the picture: what is small,
    as a line of text, fills more of such a window.
    """

    reason: ClassVar[str] = "a small part of it is of unusual brightness or structure"
    reason_code: ClassVar[str] = "small-part"
    measure: ClassVar[str] = "deviation of the strangest small parts"
    looks_at_places: ClassVar[bool] = True
    farthest: ClassVar[int] = 3

    def describe(self, one: Evidence) -> Float64[np.ndarray, "places dim"]:
        """Return the numbers of 25 windows: the mean in tenths of the range, then amplitudes."""
        return by_places(one.greys[0], PARTS, PLACES, RINGS)
