"""A list that is asked for page by page, around the places at which a server fails."""

from collections.abc import Callable, Sequence

from acir.errors import FailedError
from acir.pacs.feed import Listing

PAGE = 500  # instances of one answer
FAILURES = 10_000  # instances in a row that a server may fail to name; more are no lost files
DOUBTFUL = 100  # after so many it is seen whether the server fails at everything
BEYOND = 10**9  # a place after all that there is


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
            if failures == DOUBTFUL:
                page(1, BEYOND)  # raises the same where it fails at everything
            unnamed, offset = unnamed + 1, offset + 1
            continue
        before, failures = len(found), 0
        found |= dict.fromkeys(handles)
        repeated = repeated + size if len(found) == before else 0
        # Nothing is new, too, where a page of instances arrived since the last one.
        if not handles or (repeated >= PAGE and page(1, BEYOND)):  # the end, or there are no pages
            return Listing(tuple(found), unnamed)
        offset, size = offset + len(handles), min(2 * size, PAGE)
