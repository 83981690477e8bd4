"""`acir pacs export`: the answer to a DICOM query, as DICOM objects for the study of the query."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

from highdicom import SOPClass

from acir.durable import whole_folder
from acir.errors import PacsError, StorageError, UsageError
from acir.pacs.client import Client
from acir.pacs.gallery import Pictures, gallery
from acir.pacs.heat_map import heat_map
from acir.pacs.origin import NAMED_BY, Origin, origin
from acir.pacs.qido import DicomWeb, is_uid
from acir.pacs.reader import is_dicom
from acir.pacs.report import report
from acir.pacs.result import Maker
from acir.pacs.settings import load
from acir.pacs.stow import store
from acir.picture import from_bytes
from acir.prep.decode import read_file
from acir.privacy.pseudonym import HEX_DIGITS, pseudonym
from acir.search import Examined, Request, Searcher
from acir.types import Answer, Hit, Verdict
from acir.workflows.answers import query_report
from acir.workflows.destination import refuse_unwritable
from acir.workflows.notes import converted_lines
from acir.workflows.search import open_index

__all__ = ["Exported", "Place", "Request", "export", "export_line"]

NAME = "the query"  # in errors and reports; its path may name a patient
LEVELS = NAMED_BY[:3]  # study, series and instance
REPORT, HEAT_MAP, GALLERY = "report.dcm", "heat-map.dcm", "gallery.dcm"
HIDDEN = re.compile(rf"[0-9a-f]{{{HEX_DIGITS}}}")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """Where the objects go.

    Attributes:
        out: Folder to make, or an empty one.
        configuration: TOML file with a server that is sent them too; None for none.
        server: Its name, and that of the server that has the query; None for the only one.
    """

    out: Path
    configuration: Path | None = None
    server: str | None = None


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        verdict: On the query.
        cases: Ids of the hits in the index, by the names that they have in the objects.
        files: Names in the folder.
        stored: How many the server has taken.
    """

    verdict: Verdict
    cases: dict[str, str]
    files: tuple[str, ...]
    stored: int


def export(
    index: Path,
    query: str,
    place: Place,
    request: Request,
    *,
    source: Path | None = None,
    device: str = "cpu",
    say: Say = lambda _: None,
) -> Exported:
    """Answer a DICOM image and write the answer as DICOM objects to a new folder.

    They are a structured report, a parametric map of the heat map where the image lies in a known
    place, and a secondary capture of all. Each is a series of its own in the study of the query,
    which is not changed.

    Args:
        index: Folder of the index.
        query: A DICOM file, or the UIDs of an instance as STUDY/SERIES/SOP.
        place: Where the objects go.
        request: How to search.
        source: TOML file with the server that has the instance; None for a file.
        device: Where the network is to run.
        say: Takes a line for a person.

    Raises:
        UsageError: The query is no DICOM file or does not say which image it is, or the UIDs are
            none, or there is something in the folder, or a configuration cannot be used.
        UnreadableImageError: The query cannot be decoded.
        StorageError: The objects cannot be written.
        PacsError: The server does not give the instance, or does not take the objects; these are
            in the folder all the same.
    """
    _refuse_used(place.out)
    refuse_unwritable(place.out.absolute().parent)
    _refuse_server_of_nothing(place, source)
    data = _dicom(Path(query)) if source is None else _fetched(query, source, place.server or "")
    with _client(place) as client, open_index(index, device) as searcher:
        # The reader has looked at all of it before anything else does.
        examined = _examined(searcher, data, say)
        about = origin(data, NAME)
        if source is not None:
            _require_instance(about, query)
        (answer,) = searcher.answers([(NAME, examined)], request)
        objects = _objects(searcher, examined, answer, about)
        for line in _notices(answer, objects):
            say(line)
        _write(place.out, objects)
        stored = _stored(client, place.out, objects)
        cases = {hidden(searcher.key, hit.id): hit.id for hit in answer.hits}
    return Exported(examined.verdict, cases, tuple(objects), stored)


def _examined(searcher: Searcher, data: bytes, say: Say) -> Examined:
    """Examine the image, and tell what is to be known of the index and of how it was read."""
    examined = searcher.examine(from_bytes(data, searcher.key, NAME))
    converted = int(searcher.bundle.prep.converts(examined.record))
    for line in (*searcher.remarks, *converted_lines(converted)):
        say(line)
    return examined


def _notices(answer: Answer, objects: Mapping[str, SOPClass]) -> Iterator[str]:
    yield from answer.notices
    if HEAT_MAP not in objects:
        yield "there is no parametric map: the image lies in no known place or was not examined"


def export_line(done: Exported) -> dict[str, Any]:
    """Return the JSON object of an export; the keys are a contract."""
    return {
        "verdict": done.verdict.verdict,
        "p_value": done.verdict.p_value,
        "files": list(done.files),
        "stored": done.stored,
        "cases": done.cases,
    }


def hidden(key: bytes, name: str) -> str:
    """Return what a stored picture is called outside: a keyed hash of its id.

    The id of a DICOM image is one already, and stays.
    """
    return name if HIDDEN.fullmatch(name) else pseudonym(key, "instance", name)


def structured_report(searcher: Searcher, answer: Answer, about: Origin) -> bytes:
    """Return the report of an answer alone, as the content of a DICOM file.

    Args:
        searcher: What answered.
        answer: To a DICOM file; its verdict is given.
        about: The image that was asked about.
    """
    out = BytesIO()
    made = report(about, _nameless(searcher, answer), _maker(searcher, answer))
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _maker(searcher: Searcher, answer: Answer) -> Maker:
    return Maker(
        bundle=searcher.bundle.id,
        version=version("acir"),
        parameters=(f"order {answer.mode}", f"gate: {searcher.bundle.gate.promise_in_words()}"),
        made=datetime.now(),
    )


def _dicom(query: Path) -> bytes:
    data = read_file(query, NAME)
    if not is_dicom(data):
        raise UsageError(
            f"{NAME} is no DICOM file, expected one: a result goes back to the study of its "
            "image; use `acir search` for other pictures"
        )
    return data


def _objects(
    searcher: Searcher, examined: Examined, answer: Answer, about: Origin
) -> dict[str, SOPClass]:
    """Make the objects, by the names of their files."""
    bundle, maker = searcher.bundle, _maker(searcher, answer)
    shown = _nameless(searcher, answer)
    objects: dict[str, SOPClass] = {REPORT: report(about, shown, maker)}
    differs = None if examined.evidence is None else searcher.heat_map(examined.evidence)
    if differs is not None:
        height, width = examined.record.pixels.shape[:2]
        laid = bundle.prep.on_picture(differs.numpy(), height, width)
        drawn = heat_map(about, laid, maker)
        objects |= {HEAT_MAP: drawn} if drawn is not None else {}
    pictures = query_report(searcher, (NAME, examined), answer)
    thumbnails = {
        hit.rank: pictures.thumbnails[hit.id]
        for hit in answer.hits
        if hit.id in pictures.thumbnails
    }
    found = Pictures(pictures.picture, pictures.heat_map, thumbnails)
    return {**objects, GALLERY: gallery(about, shown, found, maker)}


def _nameless(searcher: Searcher, answer: Answer) -> Answer:
    """Keep of the hits only what identifies no one outside.

    A label is shown where it is a class of the model: others may be any text.
    """
    known = set(searcher.bundle.class_names)

    def shown(hit: Hit) -> Hit:
        label = "|".join(name for name in hit.label.split("|") if name in known)
        return replace(hit, id=hidden(searcher.key, hit.id), label=label, path=None, case=None)

    return replace(answer, hits=tuple(map(shown, answer.hits)), least=())


def _fetched(query: str, source: Path, server: str) -> bytes:
    uids = query.split("/")
    if len(uids) != len(LEVELS) or not all(is_uid(uid) for uid in uids):
        raise UsageError(
            f"{NAME} is not understood; expected the UIDs of one instance as STUDY/SERIES/SOP, "
            "each of digits and dots"
        )
    with closing(DicomWeb(load(source).server(server))) as there:
        return there.file(query)


def _require_instance(about: Origin, query: str) -> None:
    """Refuse another instance than was asked for: its patient would get the answer."""
    if [str(about.header.get(level)) for level in LEVELS] != query.split("/"):
        raise PacsError("the server gives another instance than was asked for; nothing was written")


def _client(place: Place) -> AbstractContextManager[Client | None]:
    """Find the server that is sent to before there is any work to lose."""
    if place.configuration is not None:
        server = load(place.configuration).server(place.server or "")
        return Client(server, server.url)
    return nullcontext()


def _refuse_server_of_nothing(place: Place, source: Path | None) -> None:
    if place.server is not None and place.configuration is None and source is None:
        raise UsageError(
            f"the server {place.server} is of no configuration; name its file by --to or --from"
        )


def _stored(client: Client | None, out: Path, objects: Mapping[str, SOPClass]) -> int:
    """Send the files as they were written, and return how many; these stay when that fails."""
    if client is None:
        return 0
    study = objects[REPORT].StudyInstanceUID
    files = {str(made.SOPInstanceUID): (out / name).read_bytes() for name, made in objects.items()}
    try:
        store(client, study, files)
    except PacsError as error:
        raise PacsError(f"{error}; the objects are in {out} and can be sent again") from error
    return len(files)


def _refuse_used(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"there is something at {out} already; name a new or an empty folder")


def _write(out: Path, objects: dict[str, SOPClass]) -> None:
    """Write all objects or none."""
    try:
        with whole_folder(out) as part:
            for name, made in objects.items():
                made.save_as(part / name, enforce_file_format=True)
    except OSError as error:
        raise StorageError(
            f"cannot write to {out}: {error.strerror}; make room or name another folder"
        ) from error
