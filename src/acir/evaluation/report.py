"""Answers as one HTML page that needs nothing else: no network, no script, no other file.

Pictures travel inside the page as data URIs, and its content security policy forbids it to load
anything. The page follows the reader's light or dark setting and prints.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined

from acir.amounts import whole_percent
from acir.durable import whole
from acir.errors import StorageError, UsageError
from acir.folders import require_writable
from acir.gate_words import percent_above
from acir.types import Answer, Verdict

_NONE: Mapping[str, bytes] = MappingProxyType({})
_MEDIA = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"<?xm": "image/svg+xml"}


@dataclass(frozen=True)
class Panel:
    """A figure.

    Attributes:
        picture: PNG, JPEG or SVG.
        caption: What it shows, in words; also read to those who cannot see it.
    """

    picture: bytes
    caption: str


@dataclass(frozen=True)
class QueryReport:
    """An answer with its pictures, each PNG or JPEG.

    Attributes:
        answer: The answer.
        picture: What was asked, or None where it could not be read.
        thumbnails: Pictures of the hits by their ids; a hit without one gets an empty frame.
        heat_map: Where the query differs from known pictures, shown if it was refused.
    """

    answer: Answer
    picture: bytes | None
    thumbnails: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    heat_map: bytes | None = None


@dataclass(frozen=True)
class Page:
    """What a page says.

    Attributes:
        title: Its heading.
        intro: A paragraph below.
        queries: The answers, in order.
        figures: Shown after the answers.
        commands: What to try next, at the end.
        attribution: Whom the data set asks to name.
        synthetic: Whether pictures were generated; said at the top.
    """

    template: ClassVar[str] = "page.html"
    title: str
    intro: str
    queries: tuple[QueryReport, ...]
    figures: tuple[Panel, ...] = ()
    commands: tuple[str, ...] = ()
    attribution: str | None = None
    synthetic: bool = False


def refuse_unwritable_page(path: Path) -> None:
    """Refuse a page that could not be written, before there is any work to lose.

    Raises:
        UsageError: Its folder does not exist, it is a folder itself, or a file that is no page, as
            a picture to ask about is where the name of the page was forgotten.
        StorageError: No file can be made in its folder.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the file of the page, as in {path}/page.html")
    if path.is_file() and path.suffix.lower() not in {".html", ".htm"}:
        raise UsageError(
            f"there is something at {path} already, and its name is not that of a page; name a new "
            "file, or one that ends in .html"
        )
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for {path.name}; make it first")
    require_writable(path.absolute().parent)


def write_page(path: Path, page: Page) -> None:
    """Write a page, whole or not at all.

    Raises:
        StorageError: The disk is full or the folder cannot be written.
        ValueError: A picture is neither PNG, JPEG nor SVG.
    """
    html = render(page)
    try:
        with whole(path) as part:
            part.write_text(html, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; free some space or name another file"
        ) from error


def render(page: Page) -> str:
    """Return a page as HTML; all text in it is escaped.

    Raises:
        ValueError: A picture is neither PNG, JPEG nor SVG.
    """
    environment = Environment(
        loader=PackageLoader("acir.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(uri=data_uri, rarity=rarity, promise=promise, percent=whole_percent)
    return environment.get_template(page.template).render(page=page)


def data_uri(picture: bytes) -> str:
    """Return a picture as a data URI.

    Raises:
        ValueError: It is neither PNG, JPEG nor SVG.
    """
    for start, media in _MEDIA.items():
        if picture.startswith(start):
            return f"data:{media};base64,{b64encode(picture).decode()}"
    raise ValueError(f"a picture starts with {picture[:4]!r}, expected PNG, JPEG or SVG")


def rarity(verdict: Verdict) -> str:
    """Say the p-value of a verdict as a sentence.

    Example:
        >>> from acir.types import Calibration
        >>> verdict = Verdict("unknown", 0.004, "", "", {}, Calibration(999, 21, 0.03, 0.03))
        >>> rarity(verdict)
        'Fewer than 1 in 100 ordinary pictures look this unusual (p = 0.004).'
    """
    p = verdict.p_value
    if verdict.calibration.n == 0:
        return "No ordinary pictures were kept to compare with, so there is no p-value."
    shown = f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"  # noqa: PLR2004 - readable decimals
    if verdict.pictures > 1:
        return f"{_share_of_sets(p, verdict.pictures)} ({shown})."
    return f"{_share(p)} ({shown})."


def _share_of_sets(p: float, pictures: int) -> str:
    few = f"Fewer than 1 in {_round_above(p):,}" if p < 0.01 else ""  # noqa: PLR2004 - as below
    many = few or f"At most {percent_above(p)} in 100"
    return f"{many} ordinary sets of {pictures} pictures hold one this unusual"


def _share(p: float) -> str:
    if p == 1:
        return "Every ordinary picture looks at least this unusual"
    if p >= 0.95:  # noqa: PLR2004 - 9.5 in 10
        return "Nearly every ordinary picture looks at least this unusual"
    if p >= 0.1:  # noqa: PLR2004 - coarse words for coarse numbers
        return f"About {round(10 * p)} in 10 ordinary pictures look at least this unusual"
    if p >= 0.01:  # noqa: PLR2004 - as above
        return f"About {round(100 * p)} in 100 ordinary pictures look at least this unusual"
    return f"Fewer than 1 in {_round_above(p):,} ordinary pictures look this unusual"


def _round_above(p: float) -> int:
    """Return the largest power of ten, from 100 on, that p is still more rare than one in."""
    least = 100
    while p < 0.1 / least:
        least *= 10
    return least


def promise(verdict: Verdict) -> str:
    """Say what the gate's threshold promises, and on how many pictures that rests."""
    calibration = verdict.calibration
    if calibration.promised is None:
        return (
            f"No rate of false alarms is promised: {calibration.n} calibration pictures are too "
            "few, or too many of them are alike."
        )
    what = f"sets of {verdict.pictures} pictures" if verdict.pictures > 1 else "pictures"
    return (
        f"At most {100 * calibration.promised:g} % of ordinary {what} are called unknown "
        f"({calibration.n:,} calibration pictures)."
    )
