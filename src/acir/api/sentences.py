"""Sentences that the program says in English, in another language, told by their form.

An error is raised and a record written where nobody knows who will read it, in one language; a
program that calls the API gets it so. A page says the same in the language of its reader.
"""

import re
from collections.abc import Mapping

HOLE = re.compile(r"\{(\w+)\}")
NUMBER = re.compile(r" ?-?\d[\d,]*(\.\d+)?(e[-+]?\d+)?%?")
SIGNS = str.maketrans(".,", ",.")  # decimal and thousands, which change places


class Sentences:
    """What is said in one language for each form of an English sentence.

    Args:
        forms: By the English form, with `{name}` where a value stands; the other has the same.
    """

    def __init__(self, forms: Mapping[str, str]) -> None:
        # A form that says more itself comes first: it is the less general one.
        ordered = sorted(forms, key=lambda form: -len(HOLE.sub("", form)))
        self._forms = [(_pattern(form), forms[form]) for form in ordered]

    def translated(self, text: str) -> str | None:
        """Return a sentence in this language, or None where it has none of the forms.

        A value that is itself such a sentence is translated too; any other stays as it is, but for
        the signs of a number.
        """
        for pattern, said in self._forms:
            found = pattern.fullmatch(text)
            if found:
                return said.format_map({k: self._value(v) for k, v in found.groupdict().items()})
        return None

    def _value(self, text: str) -> str:
        if NUMBER.fullmatch(text):
            return text.translate(SIGNS)
        found = self.translated(text)
        return text if found is None else found


def _pattern(form: str) -> re.Pattern[str]:
    parts = HOLE.split(form)
    texts = (re.escape(part) for part in parts[::2])
    holes = (f"(?P<{name}>.*?)" for name in parts[1::2])
    pattern = "".join(text + hole for text, hole in zip(texts, [*holes, ""], strict=True))
    return re.compile(pattern, re.DOTALL)
