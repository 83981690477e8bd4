"""Where an image differs from known ones, as a parametric map on the pixels of the image."""

import numpy as np
from highdicom import (
    PixelMeasuresSequence,
    PlaneOrientationSequence,
    PlanePositionSequence,
    VOILUTTransformation,
)
from highdicom.pm import ParametricMap, RealWorldValueMapping
from jaxtyping import Float32
from pydicom import Dataset
from pydicom.sr.codedict import codes

from acir.pacs.coding import scheme, term
from acir.pacs.origin import Origin, Place
from acir.pacs.result import Maker, described, inherit, nameless

SERIES_NUMBER = 9902
DESCRIPTION = "acir: where it differs from known images"
LABEL = "DEVIATION"
SHOWN = (0.0, 5.0)  # standard deviations that a viewer maps to black and white


def heat_map(
    origin: Origin, deviations: Float32[np.ndarray, "height width"], maker: Maker
) -> ParametricMap | None:
    """Write a heat map as a parametric map, or None where the image lies in no known place.

    A parametric map must have a frame of reference (PS3.3 A.75), which a radiograph or an
    ultrasound image mostly lacks.

    Args:
        origin: The image that was asked about.
        deviations: A finite value for each of its pixels, in standard deviations.
        maker: What drew it.
    """
    place = origin.place
    if place is None:
        return None
    low, high = SHOWN
    drawn = ParametricMap(
        source_images=[_image(origin, place, deviations.shape)],
        pixel_array=deviations,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_meaning(deviations)],
        voi_lut_transformations=[
            VOILUTTransformation((low + high) / 2, high - low, voi_lut_function="LINEAR_EXACT")
        ],
        pixel_measures=PixelMeasuresSequence(place.spacing, place.thickness),
        plane_orientation=PlaneOrientationSequence("PATIENT", place.orientation),
        plane_positions=[PlanePositionSequence("PATIENT", place.position)],
        content_label=LABEL,
        content_description=DESCRIPTION,
        coding_schemes=[scheme()],
        **described(maker, SERIES_NUMBER, DESCRIPTION),
    )
    # highdicom says 1 mm where there is but one slice.
    del drawn.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    if origin.frame is not None:
        _name_frame(drawn, origin.frame)
    inherit(drawn, origin)
    return drawn


def _image(origin: Origin, place: Place, shape: tuple[int, ...]) -> Dataset:
    """Return the frame that was asked about, as if it were an image by itself."""
    image = nameless(origin)
    image.Rows, image.Columns = shape
    image.FrameOfReferenceUID = place.reference
    image.ImagePositionPatient = list(place.position)
    image.ImageOrientationPatient = list(place.orientation)
    image.PixelSpacing = list(place.spacing)
    image.SliceThickness = place.thickness
    return image


def _meaning(deviations: Float32[np.ndarray, "height width"]) -> RealWorldValueMapping:
    return RealWorldValueMapping(
        lut_label=LABEL,
        lut_explanation="standard deviations from known images",
        unit=codes.UCUM.NoUnits,
        value_range=(float(deviations.min()), float(deviations.max())),
        slope=1.0,
        intercept=0.0,
        quantity_definition=term("deviation"),
    )


def _name_frame(drawn: ParametricMap, frame: int) -> None:
    """Say which frame of the image the map was made of."""
    (own,) = drawn.PerFrameFunctionalGroupsSequence
    for derivation in own.DerivationImageSequence:
        for source in derivation.SourceImageSequence:
            source.ReferencedFrameNumber = frame
