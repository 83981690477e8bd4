"""A table of picture files with what is known about each."""

import csv
import os.path
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath

from acir.errors import SourceError, UnreadableImageError, suggestion
from acir.prep.decode import decode_file
from acir.sources.base import LABEL_SEPARATOR, SPLIT_NAMES, Entry, Source
from acir.types import SPLITS, ImageRecord, Split

COLUMNS = ("path", "label", "patient", "split")
OTHERS = {";": "semicolons", "\t": "tabs"}  # that spreadsheets write

Row = Mapping[str, str]


class CsvSource(Source):
    """A comma-separated table in UTF-8 whose first line names the columns.

    `path` is required and relative to the table; as the id it is normalised, with forward
    slashes. `label` holds class names separated by `|`. `patient` keeps a person's pictures in
    one split. `split` is train, val or test; where it is empty one is drawn. Any further column
    can be filtered by its name.
    """

    suffixes = (".csv",)

    def records(self) -> Iterator[ImageRecord | UnreadableImageError]:
        """Yield the pictures in the order of the lines.

        Raises:
            SourceError: The table is damaged, lacks `path`, names a picture twice or an unknown
                split; every line is checked before the first picture is yielded.
        """
        return self.decoded(self._entries())

    def _entries(self) -> list[Entry]:
        lines: dict[str, int] = {}
        entries = []
        for line, row in self._rows():
            entry = self._entry(line, row)
            if entry.id in lines:
                raise SourceError(
                    f"line {line} of {self.location} names {entry.id} again, which line "
                    f"{lines[entry.id]} named; keep one of them"
                )
            lines[entry.id] = line
            entries.append(entry)
        return entries

    def _rows(self) -> Iterator[tuple[int, Row]]:
        try:
            with Path(self.location).open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(map(_text, file), strict=True)
                columns = self._columns(next(reader, []))
                for cells in filter(None, reader):
                    if len(cells) != len(columns):
                        raise SourceError(
                            f"line {reader.line_num} of {self.location} has {len(cells)} cells, "
                            f"expected {len(columns)} as in the first line; quote a cell that "
                            "holds a comma"
                        )
                    yield reader.line_num, dict(zip(columns, map(str.strip, cells), strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(
                f"{self.location} is not a comma-separated table in UTF-8; save it as one"
            ) from error

    def _columns(self, cells: list[str]) -> list[str]:
        names = [cell.strip() for cell in cells]
        columns = [name.lower() if name.lower() in COLUMNS else name for name in names]
        if "path" not in columns:
            for mark, called in OTHERS.items():
                if mark in "".join(cells):
                    raise SourceError(
                        f"{self.location} has {called} between its cells, expected commas; save it "
                        "as a comma-separated table"
                    )
            raise SourceError(
                f"{self.location} has no column 'path'; its first line names "
                f"{', '.join(columns) or 'none'}, expected path and any of "
                f"{', '.join(COLUMNS[1:])}.{suggestion('path', columns)}"
            )
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise SourceError(
                f"{self.location} has two columns {twice[0]!r}; give each a name of its own"
            )
        return columns

    def _entry(self, line: int, row: Row) -> Entry:
        if not row["path"]:
            raise SourceError(
                f"line {line} of {self.location} has no path; fill it or drop the line"
            )
        folder = Path(self.location).parent
        name = PurePath(os.path.relpath(folder / row["path"], folder)).as_posix()
        labels = (label.strip() for label in row.get("label", "").split(LABEL_SEPARATOR))
        return Entry(
            name,
            partial(decode_file, folder / name, name),
            self._split(line, row.get("split", "")),
            tuple(dict.fromkeys(filter(None, labels))),
            path=name,
            patient=row.get("patient") or None,
            metadata={key: value for key, value in row.items() if key and key not in COLUMNS},
        )

    def _split(self, line: int, text: str) -> Split | None:
        if text and text.lower() not in SPLIT_NAMES:
            raise SourceError(
                f"line {line} of {self.location} has the split {text!r}, expected one of "
                f"{', '.join(SPLITS)} or nothing.{suggestion(text.lower(), SPLITS)}"
            )
        return SPLIT_NAMES.get(text.lower())


def _text(line: str) -> str:
    if "\0" in line:  # UTF-16, or no text at all
        raise csv.Error
    return line
