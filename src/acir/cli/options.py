"""Options that several commands share: one name, one meaning and one help text each."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from acir.errors import UsageError

SOURCES = (
    "A SOURCE is a folder of class folders, a zip of one, a MedMNIST-style .npz, a .csv manifest, "
    "DICOM files, dicomweb:CONFIG?QUERY, a NIfTI volume, a whole slide, medmnist:NAME or phantom: "
    "(synthetic); SOURCE#train, #val or #test names a split."
)


def _set_threads(count: int) -> int:
    if count:
        import torch

        torch.set_num_threads(count)
    return count


Index = Annotated[Path, typer.Option("--index", help="Folder of the index.")]
Model = Annotated[Path, typer.Option("--model", help="Folder of the bundle.")]
Data = Annotated[str, typer.Option("--data", metavar="SOURCE", help=SOURCES)]
Strict = Annotated[
    bool, typer.Option("--strict", help="Stop at an unreadable picture; else it is left out.")
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch an official MedMNIST file that is missing.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        help="Search only pictures with this value; may be repeated.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Answer unknown queries too.")]
Html = Annotated[
    Path | None, typer.Option("--html", help="Write the answers to this file, as a page.")
]
FailOnUnknown = Annotated[
    bool, typer.Option("--fail-on-unknown", help="Exit with code 3 if a query is unknown.")
]
Device = Annotated[
    str, typer.Option("--device", help="Where to compute: auto, cpu, cuda or cuda:n.")
]
Threads = Annotated[
    int, typer.Option("--threads", min=0, help="Threads to use; 0 for all.", callback=_set_threads)
]


def last_of_each(texts: Iterable[str] | None) -> dict[str, str]:
    """Read an option that is given as key=value; of a key given twice, the last one counts.

    Raises:
        UsageError: There is no key, or no equals sign.
    """
    return dict(map(_parted, texts or ()))


def pairs(texts: Iterable[str] | None) -> dict[str, str]:
    """Read an option that is given as key=value, each key once.

    Raises:
        UsageError: There is no key, no equals sign, or a key twice: to let the last one win would
            search or delete something else than was asked for.
    """
    found: dict[str, str] = {}
    for key, value in map(_parted, texts or ()):
        if key in found:
            raise UsageError(
                f"{key} is given twice, as {found[key]!r} and {value!r}; expected once"
            )
        found[key] = value
    return found


def _parted(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise UsageError(f"the option value is {text!r}, expected key=value")
    return key, value
