"""Mahalanobis distance, to the nearest class, of a picture's power spectrum."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from acir.ood.base import GaussianDetector
from acir.power_spectrum import log_amplitudes
from acir.tensors import Evidence

RINGS, RING = 6, 0.75  # octaves


class Spectrum(GaussianDetector):
    """How unusual the sizes and directions of a picture's structures are, without any network.

    Natural and medical pictures have spectra that fall evenly (Field 1987; Torralba and Oliva
    2003), those of one class much alike. Blur and low dose, motion, wrong proportions, turning,
    compression and things that are drawn or laid on change them, wherever they are and without a
    change of brightness. `acir.power_spectrum.log_amplitudes` says how they are described: here by
    six rings, each three quarters of an octave.
    """

    reason: ClassVar[str] = "its structures are of unusual size, strength or direction"
    reason_code: ClassVar[str] = "spectrum"
    measure: ClassVar[str] = "deviation of the power spectrum"

    def describe(self, one: Evidence) -> Float64[np.ndarray, "1 dim"]:
        """Return the logarithms of the amplitudes, ring by ring."""
        return log_amplitudes(one.greys, RINGS, RING)
