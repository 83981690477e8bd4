"""NIfTI volumes below a folder, or one, as axial slices; needs the extra `volume`."""

from collections.abc import Iterator
from dataclasses import dataclass
from gzip import GzipFile
from hashlib import sha256
from io import BytesIO
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Shaped

from acir.errors import ComponentError, SourceError, UnreadableImageError
from acir.folders import exists, readable, walk_files
from acir.prep.decode import MAX_BYTES, Picture, read_file
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import Entry, Source, SourceOptions, folders_mean
from acir.types import SERIES, ImageRecord, Split

GZIP = b"\x1f\x8b"
# Bytes of the header, which are its first field; the class that reads it; its mark, and where.
KINDS = {348: ("Nifti1Image", b"n+1\0", 344), 540: ("Nifti2Image", b"n+2\0", 4)}
LONGEST_HEADER = 540
MAX_VOXELS = 64 * 2**20
SPATIAL = 3
# Columns go to the patient's left and rows to the back, as in axial DICOM pictures.
SHOWN = "LPS"


@dataclass(frozen=True)
class _Volume:
    """Values by left, back and up; `name` and `digest` tell it from others."""

    name: str
    digest: str
    stored: Shaped[np.ndarray, "left back up"]
    slope: float
    intercept: float
    value_range: tuple[float, float]

    def axial(self, place: int) -> Picture:
        values = self.stored[:, :, place].T.astype(np.float64) * self.slope + self.intercept
        return Picture(values.astype(np.float32), self.value_range)


class NiftiSource(Source):
    """Files called `.nii` or `.nii.gz`, each as its middle axial slice; `nifti:FOLDER` for many.

    `nifti:PLACE@5` gives five slices of each volume, evenly spaced. However a volume is stored, the
    patient's right is shown on the left and the front on top. All slices of a volume are shown in
    one range: that of the header (cal_min, cal_max), else the smallest to the largest value. As
    NIfTI names no patient, a volume stands for one, and for a series. Of several volumes in a file,
    the first counts.
    """

    schemes = ("nifti",)
    suffixes = (".nii", ".nii.gz")

    def __init__(self, location: str, options: SourceOptions) -> None:
        super().__init__(location, options)
        self.place, self.count = _place_and_count(location)
        if not exists(self.place):
            raise SourceError(
                f"there is nothing at nifti:{location}; give a file or a folder, and @5 behind it "
                "for five slices of each volume"
            )

    @classmethod
    def claims(cls, path: Path) -> bool:
        """Whether it is a file with such a name."""
        return path.is_file() and path.name.lower().endswith(cls.suffixes)

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the slices of the volumes in the order of their paths, from the feet up."""
        for path, name, split, labels in self._files():
            try:
                volume = _volume(read_file(path, name), name)
            except UnreadableImageError as error:
                yield error
                continue
            yield from self.decoded(self._slices(volume, split, labels))

    def _files(self) -> Iterator[tuple[Path, str, Split | None, tuple[str, ...]]]:
        if self.place.is_file():
            yield self.place, readable(self.place.name), None, ()
            return
        for path in walk_files(self.place, self.claims):
            relative = path.relative_to(self.place)
            split, labels = folders_mean(relative.parts)
            if split is None or split in self.options.splits:
                yield path, readable(relative.as_posix()), split, labels

    def _slices(
        self, volume: _Volume, split: Split | None, labels: tuple[str, ...]
    ) -> Iterator[Entry]:
        depth = volume.stored.shape[2]
        places = sorted({int((k + 0.5) * depth / self.count) for k in range(self.count)})
        series = pseudonym(self.options.key, "series", volume.digest)
        for place in places:
            yield Entry(
                volume.name if len(places) == 1 else f"{volume.name}@{place + 1}",
                lambda place=place: volume.axial(place),  # type: ignore[misc]
                split,
                labels,
                path=volume.name,
                patient=volume.digest,
                metadata={SERIES: series, "Slice": f"{place + 1} of {depth}"},
            )


def _place_and_count(location: str) -> tuple[Path, int]:
    place, _, count = location.rpartition("@")
    if count.isdecimal() and int(count) > 0 and not exists(Path(location)):
        return Path(place), int(count)
    return Path(location), 1


def _volume(data: bytes, name: str) -> _Volume:
    """Read a volume; what its header announces bounds what is inflated.

    Raises:
        UnreadableImageError: It is no such file, is damaged or too large, or does not say how the
            patient lies in it.
        ComponentError: nibabel is not installed.
    """
    nibabel = _nibabel()
    try:
        head = _inflated(data, LONGEST_HEADER)
        kind = getattr(nibabel, _kind(head, name))
        header = kind.header_class(head[: kind.header_class.template_dtype.itemsize])
        size = _announced(header, name)
        whole = _inflated(data, size)
        if len(whole) < size:
            raise UnreadableImageError(name, "the file ends early", "truncated")
        return _oriented(nibabel, kind.from_bytes(whole), name, sha256(data).hexdigest())
    except UnreadableImageError:
        raise
    except EOFError:
        raise UnreadableImageError(name, "the file ends early", "truncated") from None
    # For what is not as it should be, nibabel raises nearly anything.
    except Exception:
        raise UnreadableImageError(name, "its content is damaged or no volume of numbers") from None


def _nibabel() -> ModuleType:
    try:
        import nibabel  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError:
        raise ComponentError(
            "NIfTI volumes need 'nibabel', which is not installed. Install it with: pip install "
            "'acir[volume]'"
        ) from None
    nibabel.imageglobals.logger.disabled = True  # what it says quotes headers
    return nibabel


def _inflated(data: bytes, size: int) -> bytes:
    """Return so many bytes of what may be compressed, and inflate no more."""
    if not data.startswith(GZIP):
        return data[:size]
    with GzipFile(fileobj=BytesIO(data)) as file:  # which may be of several parts (RFC 1952 2.2)
        return file.read(size)


def _kind(head: bytes, name: str) -> str:
    """Tell NIfTI-1 and -2 by the size of their header, in either byte order, and their mark."""
    for size, (kind, mark, place) in KINDS.items():
        first = {size.to_bytes(4, "little"), size.to_bytes(4, "big")}
        if head[:4] in first and head[place : place + 4] == mark:
            return kind
    raise UnreadableImageError(name, "its content is no NIfTI volume in one file")


def _announced(header: Any, name: str) -> int:  # noqa: ANN401 - nibabel has no types
    """Return where the values end."""
    shape = header.get_data_shape()
    if min(shape, default=0) < 1 or len(shape) < SPATIAL:
        raise UnreadableImageError(name, "it has less than three dimensions")
    if header.get_data_dtype().kind not in "iuf":
        raise UnreadableImageError(name, "its values are no plain numbers")
    size: int = int(header["vox_offset"]) + prod(map(int, shape)) * header.get_data_dtype().itemsize
    if size > MAX_BYTES or prod(map(int, shape[:SPATIAL])) > MAX_VOXELS:
        raise UnreadableImageError(
            name, f"it has more than {MAX_VOXELS:,} values or {MAX_BYTES >> 20} MiB"
        )
    return size


def _oriented(nibabel: ModuleType, image: Any, name: str, digest: str) -> _Volume:  # noqa: ANN401
    """Turn the axes as they are shown; no value moves in memory."""
    axes = nibabel.orientations.io_orientation(image.affine)
    if np.isnan(axes).any() or not np.isfinite(image.affine).all():
        raise UnreadableImageError(name, "it does not say how the patient lies in it")
    turn = nibabel.orientations.ornt_transform(axes, nibabel.orientations.axcodes2ornt(SHOWN))
    stored = image.dataobj.get_unscaled()
    stored = stored.reshape(*stored.shape[:SPATIAL], -1)[..., 0]
    stored = nibabel.orientations.apply_orientation(stored, turn)
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    ends = sorted(float(end) * slope + intercept for end in (stored.min(), stored.max()))
    low, high = float(image.header["cal_min"]), float(image.header["cal_max"])
    if not low < high:
        low, high = ends
    if not low < high:
        high = max(low + 1, float(np.nextafter(low, np.inf)))  # 1 may be too little to differ
    if not np.isfinite([*ends, low, high]).all():
        raise UnreadableImageError(name, "it has values that are not finite")
    return _Volume(name, digest, stored, slope, intercept, (low, high))
