"""Mahalanobis distance, to the nearest class, of halves of a picture by their spectrum."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from acir.ood.base import GaussianDetector
from acir.power_spectrum import of_halves
from acir.tensors import Evidence

RINGS = 4


class SpectrumHalves(GaussianDetector):
    """How unusual brightness and structures are in a half of a picture, without any network.

    Nine windows half as high and wide as the picture, each described by its mean and power
    spectrum (`acir.power_spectrum.of_halves`) and compared with the same window of pictures of its
    class: that there is air in one corner and bone in another is usual, that there is writing may
    not be. As in PaDiM (Defard et al. 2020, arXiv 2011.08785), but of numbers that no training
    bends. What `Spectrum` sees in the whole picture is seen here where it fills a part.
    """

    reason: ClassVar[str] = "a part of it is of unusual brightness or structure"
    reason_code: ClassVar[str] = "part"
    measure: ClassVar[str] = "deviation of the strangest parts"
    looks_at_places: ClassVar[bool] = True
    farthest: ClassVar[int] = 3

    def describe(self, one: Evidence) -> Float64[np.ndarray, "places dim"]:
        """Return the numbers of nine windows: the mean in tenths of the range, then amplitudes."""
        return of_halves(one.greys[0], RINGS)
