"""Enhanced objects drawn in code: files of several frames, each of which says where it lies."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pydicom import Dataset

AXIAL = [1, 0, 0, 0, 1, 0]
MakeDicom = Callable[..., bytes]
Groups = Mapping[str, Mapping[str, object]]


def group(macros: Groups) -> Dataset:
    """Return a functional group of macros with one item each."""
    outer = Dataset()
    for macro, values in macros.items():
        setattr(outer, macro, [item(**values)])
    return outer


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def lying(height: float, **content: object) -> Groups:
    """Return what an axial frame at a height in mm says; further words are of its content."""
    place = {"PlanePositionSequence": {"ImagePositionPatient": [0, 0, height]}}
    return place | ({"FrameContentSequence": content} if content else {})


def enhanced(
    make_dicom: MakeDicom,
    pixels: np.ndarray,
    frames: Sequence[Groups],
    **attributes: object,
) -> bytes:
    """Return an enhanced object; all of its frames are axial that do not say otherwise."""
    of_all = {"PlaneOrientationSequence": {"ImageOrientationPatient": AXIAL}}
    return make_dicom(
        pixels,
        SharedFunctionalGroupsSequence=[group(of_all)],
        PerFrameFunctionalGroupsSequence=[group(frame) for frame in frames],
        **attributes,
    )
