"""`acir demo`: from nothing to a page of answers, one of them a refusal."""

import csv
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from acir.errors import UsageError
from acir.evaluation.figures import training_curve
from acir.evaluation.report import Page, Panel, QueryReport, write_page
from acir.search import Request
from acir.sources.base import SourceOptions, open_source
from acir.types import ImageRecord, Progress, silent
from acir.workflows import index as indexing
from acir.workflows.answers import query_report
from acir.workflows.index_creation import IndexOptions
from acir.workflows.search import LEAST, open_index
from acir.workflows.train import BUNDLE, RUN, train

SYNTHETIC = "phantom:"
FOREIGN_TO_SYNTHETIC = "phantom:smear,4#test"
FOREIGN_TO_OTHERS = "phantom:4#test"
EPOCHS = 3
VIEWS = 16_000  # pictures seen in training at least: two minutes on two cores
SHOWN = 4  # queries that should be answered
HITS = 6


def demo(
    data: str,
    out: Path,
    *,
    download: bool = False,
    device: str = "auto",
    progress: Progress = silent,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Train a small model, index, search, and return the path of the page that shows it.

    Called again on the same folder it goes on where it stopped.

    Raises:
        UsageError: The source or the folder cannot be used, or it holds an index of another.
    """
    if "#" in data:
        raise UsageError(
            f"the demo needs all splits of a source, but {data} names one; leave it out"
        )
    resume = (out / "run" / RUN).exists()
    if not resume and (out / "index").exists():  # its own, which is made anew, lies beside a run
        raise UsageError(f"{out} holds an index that no demo has made; give another folder")
    say("1/3 training a small model")
    settings = {"training.epochs": str(EPOCHS), "training.least_views": str(VIEWS)}
    metrics = train(
        "tiny",
        data=data,
        out=out / "run",
        settings=settings,
        resume=resume,
        device=device,
        download=download,
        progress=progress,
        say=say,
    )
    say("2/3 indexing the training pictures")
    shutil.rmtree(out / "index", ignore_errors=True)
    options = IndexOptions(download=download)
    indexing.build(
        out / "run" / BUNDLE, f"{data}#train", out / "index", options, progress=progress, say=say
    )
    say("3/3 searching")
    page = out / "report.html"
    write_page(page, _page(data, out, metrics))
    return page


def next_commands(data: str, out: Path) -> list[str]:
    """Return three commands to try next."""
    return [
        f"acir search --index {out / 'index'} '{foreign_to(data)}' --json",
        f"acir evaluate {out / 'run' / BUNDLE} --gallery '{data}#train' --queries '{data}#test'",
        "acir demo --data medmnist:bloodmnist --download --out demo-blood",
    ]


def foreign_to(data: str) -> str:
    """Return a SOURCE whose pictures are of another kind than those of `data`."""
    return FOREIGN_TO_SYNTHETIC if data.startswith(SYNTHETIC) else FOREIGN_TO_OTHERS


def _page(data: str, out: Path, metrics: Mapping[str, Any]) -> Page:
    """Search, and show the answers with how the model was trained and what to try next."""
    return Page(
        title="acir demo",
        intro=_intro(data, metrics),
        queries=(*_answered(data, out / "index"), *_refused(data, out / "index")),
        figures=(Panel(_curve(out / "run" / "log.csv"), "Training: loss and validation mAP"),),
        commands=tuple(next_commands(data, out)),
        synthetic=data.startswith(SYNTHETIC),
    )


def _answered(data: str, index: Path) -> Iterator[QueryReport]:
    """Answer the first test picture of each of a few classes."""
    first: dict[str, ImageRecord] = {}
    for record in open_source(f"{data}#test", SourceOptions(key=b"demo")):
        first.setdefault("|".join(record.labels), record)
    step = max(1, len(first) // SHOWN)
    with open_index(index) as searcher:
        for label in islice(sorted(first), 0, step * SHOWN, step):
            asked = f"{label} ({first[label].id})", searcher.examine(first[label])
            (answer,) = searcher.answers([asked], Request(k=HITS, least=LEAST))
            yield query_report(searcher, asked, answer)


def _refused(data: str, index: Path) -> Iterator[QueryReport]:
    """Ask for a picture of a foreign kind."""
    with open_index(index) as searcher:
        for record in islice(open_source(foreign_to(data)), 1):
            asked = record.id, searcher.examine(record)
            (answer,) = searcher.answers([asked], Request(k=HITS))
            yield query_report(searcher, asked, answer)


def _intro(data: str, metrics: Mapping[str, Any]) -> str:
    return (
        f"{metrics['bits']}-bit codes of {data}: validation mAP {metrics['mAP']:.3f} over "
        f"{metrics['n_queries']} queries and {metrics['n_gallery']} pictures, after "
        f"{metrics['seconds']:.0f} s. The last query is of a kind that the model never saw."
    )


def _curve(log: Path) -> bytes:
    with log.open(encoding="utf-8", newline="") as file:
        return training_curve(list(csv.DictReader(file)))
