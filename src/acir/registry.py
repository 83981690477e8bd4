"""Find a component by the name of its file.

A family is a package such as `acir.losses`. Each file beside its `base.py` defines exactly one
public subclass of the family's base, so adding a component edits no list.
"""

import inspect
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import TypeVar, get_type_hints

from acir.errors import ComponentError, RecipeError, suggestion

T = TypeVar("T")


def names(family: str) -> list[str]:
    """List the components of a family in order, without importing them.

    Example:
        >>> "sch" in names("acir.losses")
        True
    """
    package = import_module(family)
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name != "base")


def find(family: str, base: type[T], name: str) -> type[T]:
    """Import one file of a family and return the component that it defines.

    A dash in `name` stands for an underscore in the file's name.

    Raises:
        ComponentError: There is no such component, or a library that it needs is missing.
    """
    known = names(family)
    module = name.replace("-", "_")
    if module not in known:
        raise ComponentError(
            f"{family} has no {name!r}; it has {', '.join(known)}.{suggestion(module, known)}"
        )
    try:
        home = import_module(f"{family}.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("acir"):
            raise
        raise ComponentError(
            f"{family}.{module} needs {error.name!r}, which is not installed. "
            f"Install it with: pip install 'acir[{module}]'"
        ) from error
    found = [
        value
        for value in vars(home).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == home.__name__
        and not value.__name__.startswith("_")
    ]
    if len(found) != 1:
        raise ComponentError(
            f"{family}.{module} defines {len(found)} public subclasses of {base.__name__}, "
            "expected exactly one"
        )
    return found[0]


def build(component: type[T], options: Mapping[str, object], **given: object) -> T:
    """Construct a component from the options of a recipe and from values given in code.

    Args:
        component: The class to construct; its keywords are its configuration.
        options: What the recipe says.
        given: What the program knows, such as the number of bits; left out where the component
            has no such keyword.

    Raises:
        RecipeError: An option is not a keyword of the component, or has another type.
    """
    keywords = inspect.signature(component).parameters
    hints = get_type_hints(component.__init__)
    typed = {}
    for key, value in options.items():
        if key not in keywords or key in given:
            free = [k for k in keywords if k not in given]
            raise RecipeError(
                f"{component.__name__} has no option {key!r}; it has "
                f"{', '.join(free) or 'none'}.{suggestion(key, free)}"
            )
        typed[key] = _typed(f"option {key!r} of {component.__name__}", value, hints.get(key))
    known = {key: value for key, value in given.items() if key in keywords}
    return component(**typed, **known)


def _typed(what: str, value: object, hint: object) -> object:
    """Return the value as its plain type asks for it; other types the component checks itself."""
    if hint is float and type(value) is int:
        return float(value)
    if hint in (bool, int, float, str) and type(value) is not hint:
        raise RecipeError(f"{what} is {value!r}, expected a value of type {hint.__name__}")
    return value
