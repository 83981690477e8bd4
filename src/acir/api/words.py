"""What pages say: one catalogue a language, each with the same keys."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files

LANGUAGES = ("en", "de")
MOST_ACCEPTED = 20  # languages that a browser may name


class Catalogues:
    """The catalogues of all languages.

    Raises:
        KeyError: A page asked for a key that no catalogue has.
    """

    def __init__(self) -> None:
        folder = files("acir.api").joinpath("messages")
        self._texts: dict[str, Mapping[str, str]] = {
            language: tomllib.loads(folder.joinpath(f"{language}.toml").read_text("utf-8"))
            for language in LANGUAGES
        }

    def of(self, language: str) -> "Words":
        """Return the words of a language."""
        return Words(language, self._texts[language])

    def keys(self, language: str) -> frozenset[str]:
        """Return the keys that a catalogue has."""
        return frozenset(self._texts[language])


class Words:
    """The words of one language.

    Args:
        language: Its code, as in `lang`.
        texts: Sentences by key, with `{name}` where something is put in.
    """

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with values put in."""
        return self._texts[key].format_map(values)

    def get(self, key: str, otherwise: str) -> str:
        """Return a sentence, or another one where the catalogue has no such key."""
        return self._texts.get(key, otherwise)

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


def _number(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0
