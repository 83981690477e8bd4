"""pydicom without its warnings and log lines, which quote values."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_ALONE = RLock()


@contextmanager
def unheard() -> Iterator[None]:
    """Keep pydicom's warnings and log lines back: they quote values.

    One thread at a time, as the first to end would let those of the others be heard.
    """
    log = logging.getLogger("pydicom")
    with _ALONE:
        before, log.disabled = log.disabled, True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            log.disabled = before
