"""The pictures of a benchmark, prepared once for all methods and kept as arrays.

What may be learned from and what is asked at the end lie in two files, so that whoever gets the
first cannot open the second.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped

from acir.amounts import amount
from acir.data.draw import drawn
from acir.data.loader import ImageSet
from acir.data.manifest import Manifest
from acir.data.manifest import Part as PartName
from acir.errors import SourceError, suggestion
from acir.evaluation.benchmark import DataSet
from acir.evaluation.significance import NO_PATIENT
from acir.folders import walk_files
from acir.prep.pipeline import Prep
from acir.privacy.pseudonym import fresh_key
from acir.recipe import Recipe
from acir.sources.base import SourceOptions, open_source
from acir.types import Progress
from acir.workflows.learning import Say, describe, look, prep_for, read_parts, require_learnable
from acir.workflows.records import DIGITS, digest, write_arrays

Arrays = Mapping[str, Shaped[np.ndarray, "..."]]

# Some sources give hashes of names as ids, and these decide the order of pictures and which of them
# are drawn: the key is the same everywhere. No id is kept or shown.
NAMES_KEY = b"acir compare"


@dataclass(frozen=True)
class Part:
    """The pictures of one split, in ascending order of their ids.

    Attributes:
        images: Prepared pictures and their labels.
        pixel_hashes: `ImageRecord.pixel_hash` of each.
        patients: A number for each picture's patient; -1 where none is named.
    """

    images: ImageSet
    pixel_hashes: tuple[str, ...]
    patients: tuple[int, ...]


@dataclass(frozen=True)
class Lessons:
    """What may be learned from."""

    class_names: tuple[str, ...]
    train: Part
    val: Part


@dataclass(frozen=True)
class _About:
    """What decided a file of pictures."""

    key: str
    class_names: tuple[str, ...]
    prep: Prep


def keep_lessons(
    data: DataSet,
    recipe: Recipe,
    path: Path,
    *,
    download: bool,
    progress: Progress,
    say: Say,
) -> None:
    """Prepare train and val of a data set and keep them; test is not opened.

    What the same source has given before is left as it is.

    Raises:
        SourceError: The source cannot be learned from.
    """
    key = _key(data, recipe)
    if _kept_key(path) == key:
        return
    options = SourceOptions(frozenset({"train", "val"}), download=download, key=NAMES_KEY)
    source = open_source(data.source, options)
    manifest = look(source, recipe.calibration.fraction, progress)
    if data.draw is not None:
        manifest = drawn(manifest, data.draw)
    require_learnable(manifest)
    for line in (*source.remarks, *describe(manifest)):
        say(f"{data.name}: {line}")
    prep = prep_for(recipe, manifest)
    parts: tuple[PartName, ...] = ("train", "val")
    sets = read_parts(source, manifest, prep, manifest.class_names, parts, progress)
    arrays = {k: v for part in parts for k, v in _arrays(manifest, part, sets[part]).items()}
    _write(path, _About(key, manifest.class_names, prep), arrays)


def keep_exam(
    data: DataSet, lessons: Path, path: Path, *, download: bool, progress: Progress
) -> None:
    """Prepare the test split of a data set as its lessons were, and keep it.

    Raises:
        SourceError: There is no test picture, one has a label that train lacks, none that is not
            trained on has a label, or a patient is in two splits.
    """
    about = _about(lessons)
    if _kept_key(path) == about.key:
        return
    if _names_patients(lessons):
        options = SourceOptions(download=download, key=fresh_key())
        look(open_source(data.source, options), 0.0, progress).require_patients_apart()
    options = SourceOptions(frozenset({"test"}), download=download, key=NAMES_KEY)
    source = open_source(data.source, options)
    manifest = look(source, 0.0, progress)
    foreign = sorted(set(manifest.class_names) - set(about.class_names))
    if foreign:
        raise SourceError(
            f"a test picture of {data.name} has the label {foreign[0]!r}, which no training "
            f"picture has; train knows {', '.join(about.class_names)}."
            f"{suggestion(foreign[0], about.class_names)}"
        )
    trained_on = frozenset(_part(lessons, "train").pixel_hashes)
    new = [row for row in manifest.of("test") if row.pixel_hash not in trained_on]
    if not any(row.labels for row in new):
        raise SourceError(
            f"none of {amount(len(new), 'test picture', 'test pictures')} of {data.name}, beside "
            "those that are trained on, has a label, by which a hit is right or wrong; label some "
            "of them"
        )
    test: tuple[PartName, ...] = ("test",)
    sets = read_parts(source, manifest, about.prep, about.class_names, test, progress)
    _write(path, about, _arrays(manifest, "test", sets["test"]))


def open_lessons(path: Path) -> Lessons:
    """Return what `keep_lessons` kept."""
    return Lessons(_about(path).class_names, _part(path, "train"), _part(path, "val"))


def open_exam(path: Path) -> Part:
    """Return what `keep_exam` kept."""
    return _part(path, "test")


def digests(path: Path) -> dict[str, str]:
    """Tell by a few hexadecimal digits for each split which labelled pictures are kept in a file.

    Prepared pixels, labels and order decide.
    """
    with np.load(path) as kept:
        return dict(json.loads(str(kept["digests"])))


def _key(data: DataSet, recipe: Recipe) -> str:
    """Tell sources and preparations apart; files that were changed count as another source."""
    place = Path(data.source)
    files = walk_files(place, lambda _: True) if place.is_dir() else [place]
    decides = {
        "source": data.source,
        "files": list(_states(files)),
        "prep": asdict(recipe.prep),
        "fraction": recipe.calibration.fraction,
        "draw": data.draw and asdict(data.draw),
    }
    return digest(decides)


def _states(files: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    """Yield the name, the size and the time of each file that can be looked at."""
    for file in files:
        with suppress(OSError):
            found = file.stat()
            yield file.name, found.st_size, found.st_mtime_ns


def _arrays(manifest: Manifest, part: PartName, images: ImageSet) -> Arrays:
    rows = manifest.of(part)
    order = np.argsort(np.array([row.id for row in rows]))
    patients = sorted({row.patient for row in rows if row.patient})
    numbers = {patient: number for number, patient in enumerate(patients)}
    of_each = [numbers[row.patient] if row.patient else NO_PATIENT for row in rows]
    return {
        f"{part}_images": images.images.numpy()[order],
        f"{part}_labels": images.labels.numpy()[order],
        f"{part}_hashes": np.array([row.pixel_hash for row in rows])[order],
        f"{part}_patients": np.array(of_each)[order],
    }


def _part(path: Path, part: str) -> Part:
    with np.load(path) as kept:
        images = torch.from_numpy(kept[f"{part}_images"])
        labels = torch.from_numpy(kept[f"{part}_labels"])
        hashes = tuple(kept[f"{part}_hashes"].tolist())
        patients = tuple(kept[f"{part}_patients"].tolist())
    return Part(ImageSet(images, labels), hashes, patients)


def _about(path: Path) -> _About:
    with np.load(path) as kept:
        about = json.loads(str(kept["about"]))
    return _About(about["key"], tuple(about["class_names"]), Prep.from_dict(about["prep"]))


def _names_patients(lessons: Path) -> bool:
    """Whether the patient of any picture is known: then all splits are worth reading once more."""
    with np.load(lessons) as kept:
        return any((kept[f"{part}_patients"] != NO_PATIENT).any() for part in ("train", "val"))


def _kept_key(path: Path) -> str | None:
    return _about(path).key if path.exists() else None


def _digest(arrays: Arrays, part: str) -> str:
    found = sha256()
    for kind in ("images", "labels", "hashes"):
        found.update(np.ascontiguousarray(arrays[f"{part}_{kind}"]).tobytes())
    return found.hexdigest()[:DIGITS]


def _write(path: Path, about: _About, arrays: Arrays) -> None:
    parts = sorted({name.split("_")[0] for name in arrays})
    texts = {
        "about": json.dumps(asdict(about)),
        "digests": json.dumps({part: _digest(arrays, part) for part in parts}),
    }
    write_arrays(path, {**{name: np.array(text) for name, text in texts.items()}, **arrays})
