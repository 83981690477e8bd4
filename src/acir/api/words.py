"""What pages say: one catalogue a language, each with the same keys.

What other parts of the program say, which is English, stands beside it as sentences by their form.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files

from acir.api.sentences import Sentences

LANGUAGES = ("en", "de")
MOST_ACCEPTED = 20  # languages that a browser may name


class Catalogues:
    """The catalogues of all languages.

    Raises:
        KeyError: A page asked for a key that no catalogue has.
    """

    def __init__(self) -> None:
        self._texts = {language: _read(language) for language in LANGUAGES}
        self._sentences = {
            language: Sentences(_read(f"sentences.{language}")) for language in LANGUAGES[1:]
        }

    def of(self, language: str) -> "Words":
        """Return the words of a language."""
        return Words(language, self._texts[language], self._sentences.get(language))

    def keys(self, language: str) -> frozenset[str]:
        """Return the keys that a catalogue has."""
        return frozenset(self._texts[language])


class Words:
    """The words of one language.

    Args:
        language: Its code, as in `lang`.
        texts: Sentences by key, with `{name}` where something is put in.
        sentences: What the program says in English; None where that is the language itself.
    """

    def __init__(
        self, language: str, texts: Mapping[str, str], sentences: Sentences | None = None
    ) -> None:
        self.language = language
        self._texts, self._sentences = texts, sentences

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with values put in."""
        return self._texts[key].format_map(values)

    def get(self, key: str, otherwise: str) -> str:
        """Return a sentence, or another one where the catalogue has no such key."""
        return self._texts.get(key, otherwise)

    def said(self, text: str) -> str | None:
        """Return what the program says in English, or None where this language has no form of it.

        An error, a notice or a detail of the audit log is such a sentence.
        """
        return text if self._sentences is None else self._sentences.translated(text)

    def decimal(self, text: str) -> str:
        """Write a decimal number, given with a point, as the language does."""
        return text.replace(".", ",") if self.language == "de" else text


def preferred(accepted: str) -> str:
    """Return the first of our languages that a browser accepts, else English.

    Example:
        >>> preferred("fr-CH, de;q=0.8, en;q=0.9")
        'en'
        >>> preferred("de-AT")
        'de'
    """
    found: list[tuple[float, int, str]] = []
    for position, part in enumerate(accepted.split(",")[:MOST_ACCEPTED]):
        name, _, weight = part.strip().partition(";q=")
        language = name.split("-")[0].lower()
        if language in LANGUAGES:
            found.append((-_number(weight), position, language))
    return min(found, default=(0.0, 0, LANGUAGES[0]))[2]


def _read(name: str) -> Mapping[str, str]:
    path = files("acir.api").joinpath("messages", f"{name}.toml")
    return tomllib.loads(path.read_text("utf-8"))


def _number(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0
