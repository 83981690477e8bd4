"""The tree of errors, its exit codes, and names that were nearly right."""

import inspect

import pytest

from acir import errors
from acir.errors import AcirError, UnreadableImageError, UsageError, suggestion

TREE = {
    "AcirError": "Exception",
    "StorageError": "AcirError",
    "ServerError": "AcirError",
    "PacsError": "AcirError",
    "UnreachableError": "PacsError",
    "SilentError": "PacsError",
    "FailedError": "PacsError",
    "GoneError": "PacsError",
    "BusyError": "StorageError",
    "AuditError": "StorageError",
    "AccessError": "AcirError",
    "LockedError": "AccessError",
    "ProblemError": "ServerError",
    "GuardError": "AcirError",
    "NotFittedError": "AcirError",
    "UsageError": "AcirError",
    "RecipeError": "UsageError",
    "ComponentError": "UsageError",
    "SourceError": "UsageError",
    "UnreadableImageError": "SourceError",
    "BundleError": "UsageError",
    "StoreError": "UsageError",
    "OutdatedError": "StoreError",
    "TooManyHitsError": "UsageError",
    "TooManyTiesError": "UsageError",
}


def own_errors() -> dict[str, type[Exception]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value)
        and issubclass(value, Exception)
        and value.__module__ == errors.__name__
    }


def test_the_tree_is_the_one_that_is_drawn() -> None:
    assert {name: kind.__bases__[0].__name__ for name, kind in own_errors().items()} == TREE
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in TREE)


@pytest.mark.parametrize("name", TREE)
def test_wrong_use_exits_with_2_and_failed_work_with_1(name: str) -> None:
    kind = own_errors()[name]
    assert issubclass(kind, AcirError)
    assert kind.exit_code == (2 if issubclass(kind, UsageError) else 1)


def test_an_unreadable_image_says_where_and_why() -> None:
    error = UnreadableImageError("cat/3.png", "the file ends early", "truncated")
    assert str(error) == "cannot read cat/3.png: the file ends early"
    assert (error.path, error.reason, error.code) == (
        "cat/3.png",
        "the file ends early",
        "truncated",
    )
    assert UnreadableImageError("cat/3.png", "no picture").code == "unreadable"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("epoch", " Did you mean 'epochs'?"),
        ("bach", " Did you mean 'batch'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_suggested_if_any_is_near(given: str, found: str) -> None:
    assert suggestion(given, ["epochs", "batch", "seed"]) == found


def test_nothing_is_near_to_no_names() -> None:
    assert suggestion("epochs", []) == ""
