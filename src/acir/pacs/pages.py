"""A list that is asked for page by page, around the places at which a server fails."""

from collections.abc import Callable, Sequence

from acir.errors import FailedError
from acir.pacs.feed import Listing

PAGE = 500  # instances of one answer
FAILURES = 100  # instances in a row that a server may fail to name; more are no lost files


def listed(page: Callable[[int, int], Sequence[str]]) -> Listing:
    """Return all that a server lists.

    An Orthanc fails at every page that holds an instance of which it has lost the file. So a page
    that fails is halved, until the instance is alone; then it is counted and passed over.

    Args:
        page: Returns the handles of a page, by how many are wanted and how many come before.

    Raises:
        FailedError: The server fails at one instance after another.
    """
    found, unnamed, offset, size = dict[str, None](), 0, 0, PAGE
    failures = repeated = 0  # places in a row that fail, and that give nothing new
    while True:
        try:
            handles = page(size, offset)
        except FailedError:
            if size > 1:
                size //= 2
                continue
            failures += 1
            if failures == FAILURES:
                raise
            unnamed, offset = unnamed + 1, offset + 1
            continue
        before, failures = len(found), 0
        found |= dict.fromkeys(handles)
        repeated = repeated + size if len(found) == before else 0
        if not handles or repeated >= PAGE:  # the end, or a server that has no pages
            return Listing(tuple(found), unnamed)
        offset, size = offset + len(handles), min(2 * size, PAGE)
