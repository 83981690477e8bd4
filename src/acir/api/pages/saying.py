"""Numbers and verdicts in the words of a language, for templates."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from acir.amounts import whole_percent
from acir.api.words import Words
from acir.gate_words import percent_above
from acir.types import Verdict

FULL = 100
COMMON = 0.1
RARE = 0.01
KILO = 1000


def rarity(verdict: Verdict, words: Words) -> str:
    """Say the p-value of a verdict as a sentence."""
    if verdict.calibration.n == 0:
        return words("rarity-none")
    p = verdict.p_value
    form = "none-like" if p < RARE else "rare" if p < COMMON else "common"
    count = max(1, round(FULL * p))
    if verdict.pictures > 1:
        form, count = f"{form}-set", percent_above(p)
    return words(f"rarity-{form}", count=count, n=verdict.pictures, p=number(p, words))


def number(value: float, words: Words) -> str:
    """Write a number with two digits that count, with the language's decimal sign."""
    return words.decimal(f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}")


def size(count: int, words: Words) -> str:
    """Write a number of bytes in kB, MB, GB or TB, each a thousand of the one before.

    Example:
        >>> from acir.api.words import Catalogues
        >>> english, german = map(Catalogues().of, ("en", "de"))
        >>> [size(count, english) for count in (0, 123_456, 999_600, 48_300_000)]
        ['0 kB', '123 kB', '1 MB', '48.3 MB']
        >>> size(7_250_000_000, german)
        '7,25 GB'
    """
    value, unit = count / KILO, "kB"
    for larger in ("MB", "GB", "TB"):
        if round(value) >= KILO:  # as it would be written
            value, unit = value / KILO, larger
    return f"{number(value, words)} {unit}"


def reason(verdict: Verdict, words: Words) -> str:
    """Say the strongest evidence in the language of the page."""
    return words.get(f"reason-{verdict.reason_code}", verdict.reason)


def label(text: str, words: Words) -> str:
    """Write a label's class names as a list, or say that there is none."""
    return text.replace("|", ", ") or words("no-label")


def facet(key: str, words: Words) -> str:
    """Write the name of what is known of a picture, in the language where it is a common one."""
    plain = key.lower().replace("_", "").replace(" ", "")
    return words.get(f"facet-{plain}", key.replace("_", " "))


def said(text: str, words: Words) -> str:
    """Write what the program says in English; what has no form in the language is marked English.

    Only a file or a server of others can bring such a text.
    """
    found = words.said(text)
    return Markup('<span lang="en">{}</span>').format(text) if found is None else found


def sentence(text: str, words: Words) -> str:
    """Write the same as a sentence of its own: with a capital, and one sign at its end."""
    found = said(text, words)
    whole = found if isinstance(found, Markup) else found[:1].upper() + found[1:]
    return whole if whole[-1:] in {".", "?"} else whole + "."


SAYING: Mapping[str, Callable[..., str]] = {
    "rarity": rarity,
    "number": number,
    "size": size,
    "reason": reason,
    "percent": whole_percent,
    "label": label,
    "facet": facet,
    "said": said,
    "sentence": sentence,
}
