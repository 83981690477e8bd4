"""What a person or a program sees: progress bars, JSON lines, tables, messages."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from acir.errors import UsageError
from acir.types import Answer, Verdict

COLOURS = {"known": "green", "caution": "yellow", "unknown": "red"}

# Names of pictures are printed as they are, also one such as `a:smile:.png`.
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


# A name that holds them would move the cursor or begin a line of its own.
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def spell_out() -> None:
    """Have standard output spell out what its encoding cannot say, where it would fail."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class _Rate(ProgressColumn):
    """Things done a second, since the beginning."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash before the first thing is done."""
        if not task.completed or not task.elapsed:
            return Text("-/s")
        return Text(f"{task.completed / task.elapsed:.3g}/s")


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar with count, rate and remaining time on standard error."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bars:
        task = bars.add_task(title, total=total)
        yield lambda done: bars.update(task, advance=done)


def say(message: str) -> None:
    """Print a line for a person on standard error, so that standard output stays data."""
    err.print(_text(message), markup=False)


def json_line(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line of standard output.

    Floats have six significant digits, so that one answer is byte for byte the same everywhere.
    """
    out.out(json.dumps(_rounded(value), ensure_ascii=not out.encoding.startswith("utf")))


def counts(values: Mapping[str, Any], as_json: bool) -> None:
    """Print named values, as JSON or one a line."""
    if as_json:
        json_line(values)
        return
    for name, value in values.items():
        out.print(f"{name}: {_text(value)}", markup=False)


def stress(values: Mapping[str, Any], as_json: bool) -> None:
    """Print the summary of `acir stress`; of the attacks, what the largest change does."""
    if as_json:
        json_line(values)
        return
    plain = {name: value for name, value in values.items() if name != "attack"}
    attack = values.get("attack", {}).items()
    plain |= {f"attack {name}": v for name, v in attack if not isinstance(v, Mapping)}
    counts(plain, as_json=False)


def metrics(values: Mapping[str, Any]) -> None:
    """Print the metrics of `acir evaluate` and `acir train` as a table a class and a summary."""
    scalars = {k: v for k, v in values.items() if not isinstance(v, Mapping)}
    nested = {f"re-ranked {k}": v for k, v in values["reranked"].items()}
    table("metrics", ("metric", "value"), list({**scalars, **nested}.items()))
    rows = [(name, r["n"], r["mAP"], r["P@1"]) for name, r in values["per_class"].items()]
    table("classes", ("class", "queries", "mAP", "P@1"), rows)


def flagged(classes: Mapping[str, Mapping[str, Any]]) -> None:
    """Print how many ordinary pictures of each class are called unknown, with the interval."""
    columns = ("class", "pictures", "called unknown", "share", "from", "to (95 %)")
    keys = ("n", "flagged", "share", "low", "high")
    table("", columns, [(name, *(row[key] for key in keys)) for name, row in classes.items()])


def verdict(name: str, found: Verdict) -> None:
    """Print a verdict on one line."""
    line = Text.assemble(
        (found.verdict, COLOURS[found.verdict]), f"  {_text(name)}: {found.reason}"
    )
    out.print(line)


def answer(found: Answer) -> None:
    """Print a verdict and the hits below it."""
    if found.verdict is None:
        out.print(f"stored  {_text(found.query)}: the gate was not asked", markup=False)
    else:
        verdict(found.query, found.verdict)
    if len(found.views) > 1 and found.worst_view:
        worst = _text(found.worst_view)
        decides = f"  one verdict on {len(found.views)} views; {worst} decides"
        out.print(decides, markup=False)
    if found.hits:
        rows = [(h.rank, h.id, h.label, h.distance, h.similarity) for h in found.hits]
        table("", ("rank", "id", "label", "distance", "similarity"), rows)
    for hit in found.hits:
        if hit.matches:
            decided = ", ".join(f"{match.id} ({match.similarity:.6g})" for match in hit.matches)
            out.print(_text(f"  {hit.rank}, {hit.case or hit.id}: {decided}"), markup=False)
    if found.folded:
        out.print(f"  near-duplicates left out: {found.folded}", markup=False)


def sections(values: Mapping[str, Any]) -> None:
    """Print nested values, a section a key."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            table(name, ("", ""), [(key, _text(item)) for key, item in value.items()])
        else:
            out.print(f"{name}: {_text(value)}", markup=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are set to six significant digits, and nothing is cut off."""
    whole = [Column(name, overflow="fold") for name in columns]
    drawn = Table(*whole, title=title or None, title_justify="left")
    for row in rows:
        drawn.add_row(*(Text(_text(cell)) for cell in row))
    out.print(drawn)


class _LateFile(logging.FileHandler):
    """A log file whose folder is made with it."""

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or nothing on a full disk, of which the command itself will speak."""
        with suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing; see `emit`."""


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Send the package's log to a file that is made, with its folder, by the first line.

    Refused input is not logged: nothing came of it, and nothing is to be left behind.
    """
    handler = _LateFile(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger = logging.getLogger("acir")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    except UsageError:
        raise
    except Exception:
        logger.exception("stopped")
        raise
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):
            handler.close()


def _text(cell: object) -> str:
    if isinstance(cell, list | tuple):
        return ", ".join(_text(item) for item in cell)
    if isinstance(cell, Mapping):
        return ", ".join(f"{name} {_text(value)}" for name, value in cell.items())
    if isinstance(cell, float):
        return f"{cell:.6g}"
    return "" if cell is None else str(cell).translate(CONTROLS)


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any plain value
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
