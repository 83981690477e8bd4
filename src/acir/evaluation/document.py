"""A report of tables and figures: the same content as a page and as Markdown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from acir.evaluation.report import Page, Panel


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        caption: What it shows.
        columns: Headings; the first columns name a row.
        rows: Cells in words.
        named: How many columns name a row; the others hold numbers.
        best: Cells (row, column) that stand out.
        heavy: Rows that stand out.

    Raises:
        ValueError: A row has more or fewer cells than there are columns.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    named: int = 1
    best: frozenset[tuple[int, int]] = frozenset()
    heavy: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the columns."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"a row of {len(row)} cells does not fit {len(self.columns)} columns"
                )


@dataclass(frozen=True)
class Figure(Panel):
    """A figure with a name, which is that of its file beside Markdown."""

    name: str


@dataclass(frozen=True)
class Section:
    """A heading with what belongs to it, in this order."""

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    code: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Document(Page):
    """A report."""

    template: ClassVar[str] = "document.html"
    sections: tuple[Section, ...]


def markdown(document: Document) -> str:
    """Return the report as Markdown; its figures are files `figures/NAME.svg` beside it."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"# {document.title}"
    yield ""
    yield document.intro
    yield ""
    yield "**Not a medical device.** For research into image retrieval."
    for section in document.sections:
        yield from ("", f"## {section.title}")
        for paragraph in section.text:
            yield from ("", paragraph)
        for table in section.tables:
            yield from _table_lines(table)
        for figure in section.figures:
            yield from ("", f"![{figure.caption}](figures/{figure.name}.svg)")
        if section.code:
            yield from ("", "```sh", *section.code, "```")


def _table_lines(table: Table) -> Iterator[str]:
    yield from ("", f"*{table.caption}*", "")
    yield _row(table.columns)
    numbers = len(table.columns) - table.named
    yield "|" + " --- |" * table.named + " ---: |" * numbers
    for place, row in enumerate(table.rows):
        yield _row(
            f"**{cell}**" if place in table.heavy or (place, column) in table.best else cell
            for column, cell in enumerate(row)
        )


def _row(cells: Iterable[str]) -> str:
    """Return a line; what would end a cell or the line is kept from doing so."""
    kept = (cell.replace("\n", " ").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(kept)} |"
