"""The code that a reader is shown, and the command lines in it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [text for tongue, text in found if tongue == language]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def shell_lines(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command in a page's shell blocks."""
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            # `#` begins a comment only where a word begins: it also names a split.
            words = shlex.split(re.sub(r"(^|\s)#.*", "", line))
            if words:
                yield words


def inline_commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each `acir ...` in a page's sentences and tables."""
    for text in re.findall(r"`(acir [^`]+)`", prose(page)):
        yield shlex.split(text)
