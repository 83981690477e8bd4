"""Components are found by the name of their file."""

from pathlib import Path

import pytest

from acir import losses, registry
from acir.errors import ComponentError, RecipeError
from acir.losses.base import Loss


def test_names_lists_files_but_not_the_base() -> None:
    files = {path.stem for path in Path(losses.__path__[0]).glob("*.py")}
    assert {"__init__", "base", "sch"} < files
    assert registry.names("acir.losses") == sorted(files - {"__init__", "base"})


def test_an_unknown_component_names_the_nearest() -> None:
    with pytest.raises(ComponentError, match=r"acir.losses has no 'shc'; .*Did you mean 'sch'\?"):
        registry.find("acir.losses", Loss, "shc")


class _Part:
    def __init__(self, *, bits: int, margin: float = 1.0) -> None:
        self.bits, self.margin = bits, margin


def test_build_gives_what_the_component_asks_for_and_no_more() -> None:
    part = registry.build(_Part, {"margin": 2.0}, bits=16, class_counts=(1, 2))
    assert (part.bits, part.margin) == (16, 2.0)


@pytest.mark.parametrize("options", [{"margn": 2.0}, {"bits": 8}])
def test_an_option_that_is_not_free_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=r"_Part has no option '\w+'; it has margin"):
        registry.build(_Part, options, bits=16)


@pytest.mark.parametrize("margin", ["wide", True, None, [1.0]])
def test_an_option_of_another_type_is_refused(margin: object) -> None:
    with pytest.raises(
        RecipeError, match=r"option 'margin' of _Part is .*, expected a value of type float"
    ):
        registry.build(_Part, {"margin": margin}, bits=16)


def test_a_whole_number_stands_for_a_real_one() -> None:
    margin = registry.build(_Part, {"margin": 2}, bits=16).margin
    assert (margin, type(margin)) == (2.0, float)
