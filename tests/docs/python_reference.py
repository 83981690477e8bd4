"""Write `docs/reference/python.md` from docstrings; see `reference.py`."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from textwrap import dedent

import acir
from acir.metrics import hits, ood, retrieval, ties
from acir.prep.decode import natural_range
from acir.robustness.corruption import Corruption
from acir.robustness.inputs import suite
from acir.search import Model, Request, Searcher
from acir.types import Answer, Calibration, Hit, Match, Verdict

INTRO = """What a program in Python calls, with the module that each name is imported from. Threads
may share what is opened, processes open their own ([how](../how-to/search.md#in-python)). What a
model or an index refuses is an `acir.errors.AcirError` that says in one sentence what was given,
what was expected and what to do."""
SECTION = re.compile(r"(Args|Attributes|Raises|Example):")
PARTS: tuple[tuple[str, str, tuple[Callable[..., object], ...]], ...] = (
    ("Open", "", (acir.load, acir.open_index)),
    (
        "Pictures",
        "A picture is a path, a Pillow image, an `acir.types.ImageRecord`, or an array of shape\n"
        "`(h, w)` or `(h, w, 3)`. Several are a list of them, or an array with `n` in front.\n"
        "Bytes, tensors and channels in front are refused. An array of 0 to 255 is best of type\n"
        "uint8: of a type that the function below does not name, its own darkest and lightest\n"
        "pixels count as black and white.",
        (natural_range,),
    ),
    (
        "Ask",
        "`acir.load` gives a `Model`, `acir.open_index` a `Searcher`, which is a model, too. The\n"
        "options of every search are the fields of `Request`, given by name.",
        (
            Model.check,
            Model.check_together,
            Searcher.search,
            Searcher.search_many,
            Searcher.search_together,
            Searcher.search_stored,
            Searcher.close,
            Request,
        ),
    ),
    ("Answers", "They can be compared and pickled.", (Answer, Hit, Match, Verdict, Calibration)),
    (
        "Corruptions",
        "The pictures that `acir stress` tries; they need no model.",
        (suite, Corruption, Corruption.apply),
    ),
    (
        "Metrics",
        "Pure NumPy. Codes are packed by `acir.codes.pack`; labels have a column of true and\n"
        "false for every class. Ties are averaged over every order.\n"
        "What is refused is a `ValueError`.",
        (
            retrieval.mean_average_precision,
            ties.by_distance,
            retrieval.average_precision,
            retrieval.precision,
            hits.recall,
            hits.hit_rate,
            ood.auroc,
            ood.fpr_at_95_tpr,
            ood.detected_at,
        ),
    ),
)


def python_page(generated: str) -> str:
    """Return the page."""
    return "\n".join(_lines(generated))


def _lines(generated: str) -> Iterator[str]:
    yield from ("# Python", "", generated, "", INTRO)
    for title, about, members in PARTS:
        yield from ("", f"## {title}")
        if about:
            yield from ("", about)
        for member in members:
            yield from ("", f"### {_signature(member)}", "", f"In `{_home(member)}`.", "")
            yield from _described(inspect.getdoc(member) or "")
    yield ""


def _home(member: Callable[..., object]) -> str:
    """Return the shortest module that a name can be imported from."""
    name = member.__qualname__.partition(".")[0]
    homes = ("acir", "acir.search", member.__module__)
    return next(home for home in homes if hasattr(import_module(home), name))


def _signature(member: Callable[..., object]) -> str:
    """Return how a function is called; of a value, whose fields are listed, the name alone."""
    if dataclasses.is_dataclass(member):
        return f"`{member.__qualname__}`"
    called = inspect.signature(member)
    plain = [
        p.replace(annotation=p.empty) for name, p in called.parameters.items() if name != "self"
    ]
    shown = called.replace(parameters=plain, return_annotation=called.empty)
    return f"`{member.__qualname__}{shown}`"


def _described(docstring: str) -> Iterator[str]:
    """Yield a docstring with a table of its arguments, and of its errors, and its example."""
    text, *parts = re.split(rf"^{SECTION.pattern}\n", docstring, flags=re.MULTILINE)
    yield text.strip()
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        lines = dedent(body).strip()
        if title == "Example":
            yield from ("", "```pycon", lines, "```")
            continue
        heads = {"Raises": "error", "Attributes": "attribute"}
        yield from ("", f"| {heads.get(title, 'argument')} | meaning |", "|---|---|")
        for entry in re.split(r"\n(?=\S)", lines):
            name, _, meaning = entry.partition(":")
            yield f"| `{name}` | {' '.join(meaning.split())} |".replace("`|`", r"`\|`")
