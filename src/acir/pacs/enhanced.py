"""The frames of an enhanced object as slices: what its functional groups say of each.

The groups (PS3.3 C.7.6.16) come from a file or from the DICOM JSON model, so they are asked for
words.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pydicom.datadict import tag_for_keyword

Words = Mapping[str, str]
Group = Callable[[str, str], str]
"""What the groups of a frame, or of all, say: from a macro and a keyword to the value in the first
item, as DICOM writes it; empty where it is missing."""

FRAMES = "NumberOfFrames"
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
INDICES, POINTER = "DimensionIndexSequence", "DimensionIndexPointer"
CONTENT = "FrameContentSequence"
POSITION = "ImagePositionPatient"
DIMENSIONS = "DimensionIndexValues"
# Where a frame says what a file of one slice says at its top.
MACROS = {
    "InstanceNumber": None,
    "ImagePositionPatient": ("PlanePositionSequence", "ImagePositionPatient"),
    "ImageOrientationPatient": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "AcquisitionNumber": (CONTENT, "FrameAcquisitionNumber"),
    "TemporalPositionIdentifier": (CONTENT, "TemporalPositionIndex"),
    "EchoNumbers": ("MREchoSequence", "EffectiveEchoTime"),
    "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
}
# Where an object that was converted from such files keeps what has no macro (C.7.6.16.2.25, 26).
CONVERTED = (
    "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)
# Dimensions that tell the slices of a pass from one another, and not the passes.
ALONG = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        "ImagePositionPatient",
        "InStackPositionNumber",
        "InstanceNumber",
        "PlanePositionSequence",
        "SliceLocation",
    )
)


def slices_of(
    words: Words, shared: Group, own: Sequence[Group], dimensions: Sequence[int]
) -> list[Words]:
    """Return the words of each frame, as `acir.pacs.place.place_of` reads them.

    They are one, those of the file, where the frames are no slices: fewer or more than there are
    groups, or all of them in one place, as those of a film.

    Args:
        words: What the file says at its top, `FRAMES` among it.
        shared: What it says of all frames.
        own: What it says of each.
        dimensions: The tags that its Dimension Index Sequence points to, in order (C.7.6.17).
    """
    if len(own) != _announced(words):
        return [words]
    passes = _passes(own, dimensions)
    frames = [
        {**words, **dict(_said(shared, one)), DIMENSIONS: which}
        for one, which in zip(own, passes, strict=True)
    ]
    lie_apart = len({frame.get(POSITION) for frame in frames}) > 1
    return list(frames) if lie_apart or len(frames) == 1 else [words]


def _announced(words: Words) -> int:
    """Return how many frames there are to be, written as any integer string; 0 where it is none."""
    try:
        return int(words.get(FRAMES) or 1)
    except ValueError:
        return 0


def _said(shared: Group, own: Group) -> Iterator[tuple[str, str]]:
    for keyword, macro in MACROS.items():
        places = [*([macro] if macro else []), *((place, keyword) for place in CONVERTED)]
        values = (group(*place) for place in places for group in (own, shared))
        if value := next(filter(None, values), ""):
            yield keyword, value


def _passes(own: Sequence[Group], dimensions: Sequence[int]) -> list[str]:
    """Number the passes by all dimensions but those along a stack; empty where there are none."""
    across = [n for n, tag in enumerate(dimensions) if tag not in ALONG]
    values = [one(CONTENT, DIMENSIONS).split("\\") for one in own]
    keys = ["\\".join(value[n] for n in across if n < len(value)) for value in values]
    numbers = {key: str(n) for n, key in enumerate(sorted(set(keys) - {""}), start=1)}
    return [numbers.get(key, "") for key in keys]
