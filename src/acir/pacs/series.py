"""The slices of a series in order: stacks, what is missing in them, and which slices speak for all.

A stack is what one volume could be made of: slices of one size, orientation and frame of reference,
no two of them in one place. Depths are whole micrometres, so that no sum has an order.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from statistics import median_low

from acir.amounts import amount
from acir.pacs.place import PASSES, Place, normal_of

SLICES = 5  # of each stack: their middles lie 10 to 90 % along it, off the empty ends
MICROMETRES = 1000  # of a millimetre
COSINE_TOLERANCE = 1e-3
TOLERANCE = 0.01  # of the usual distance, as in highdicom
ROUNDING = 20  # micrometres: positions are often written with two decimals
NAMED = 5  # slices that a sentence lists

Members = list[int]
Key = Callable[[tuple[float | None, ...]], Hashable]


@dataclass(frozen=True)
class Stack:
    """Slices in order.

    Attributes:
        slices: Numbers of the slices among the places that were given.
        depths: How far each lies behind the first, along the normal of the slices, in micrometres;
            None where geometry is missing, or where each lies in a plane of its own: they are in
            the order of their instance numbers.
        doubles: Numbers of slices that lie where one of these does, and were left out.
    """

    slices: tuple[int, ...]
    depths: tuple[int, ...] | None
    doubles: tuple[int, ...] = ()


def stacks(places: Sequence[Place]) -> list[Stack]:
    """Sort the slices of a series into stacks, the largest first.

    Slices of another orientation, size or frame of reference are another stack. Where places come
    again, the acquisition, temporal position, echo, b-value or dimension that tells the passes
    apart makes stacks of them; what still lies where another slice does is a double, and the one
    with the lowest instance number is kept. Slices that are alone so are taken together, by number.

    Args:
        places: Of the slices of one series, in any order, which does not count.
    """
    found, alone = list[Stack](), Members()
    for group in _alike(places):
        if len(group) == 1:
            alone += group
        elif places[group[0]].orientation is None or places[group[0]].position is None:
            found.append(_by_number(group, places))
        else:
            depths = _depths(group, places)
            found += [_by_depth(part, depths) for part in _passes(group, places, depths)]
    if alone:
        found.append(_by_number(alone, places))
    return sorted(found, key=lambda stack: (-len(stack.slices), _turn(places[stack.slices[0]])))


def spacing(depths: Sequence[int]) -> int | None:
    """Return the usual distance of neighbours: the median, of two the lower; None for one slice."""
    return median_low([after - before for before, after in pairwise(depths)] or [0]) or None


def gaps(depths: Sequence[int]) -> tuple[int, ...]:
    """Return after which slices, counted from 1, whole slices seem to be missing.

    There the distance is a multiple of the usual one.

    Example:
        >>> gaps([0, 5000, 10000, 20000, 25000])
        (3,)
    """
    usual = spacing(depths)
    return tuple(n for n, times, whole in _odd(depths, usual) if whole and times > 1)


def unevennesses(depths: Sequence[int]) -> tuple[int, ...]:
    """Return after which slices, counted from 1, the distance is another, but no multiple.

    Example:
        >>> unevennesses([0, 5000, 10000, 17000, 22000])
        (3,)
    """
    usual = spacing(depths)
    return tuple(n for n, times, whole in _odd(depths, usual) if not (whole and times > 1))


def representatives(stack: Stack, count: int) -> list[int]:
    """Return the positions in a stack of the slices in the middle of so many equal parts of it.

    A slice reaches half way to its neighbours. Fewer come back where one reaches through several
    middles.

    Args:
        stack: At least one slice.
        count: Parts, at least one.

    Example:
        >>> representatives(Stack(tuple(range(10)), None), 5)
        [1, 3, 5, 7, 9]
    """
    depths = stack.depths or range(len(stack.slices))
    if len(depths) == 1:
        return [0]
    # All doubled, and then times 2 x count: so borders and middles are whole numbers.
    start = 3 * depths[0] - depths[1]
    length = 3 * depths[-1] - depths[-2] - start
    borders = [2 * count * (a + b - start) for a, b in pairwise(depths)]
    middles = ((2 * k + 1) * length for k in range(count))
    return sorted({bisect_right(borders, middle) for middle in middles})


def chosen(found: Sequence[Stack], count: int) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the slices that speak for a series, so many of each stack, with words about each.

    The words are metadata: which slice of its stack it is, and which stack where there are several.

    Args:
        found: What `stacks` gives; the numbers are those of its places.
        count: See `representatives`.
    """
    for number, stack in enumerate(found, start=1):
        which = {"Stack": f"{number} of {len(found)}"} if len(found) > 1 else {}
        for at in representatives(stack, count):
            yield stack.slices[at], {"Slice": f"{at + 1} of {len(stack.slices)}", **which}


def remarks(found: Sequence[Stack]) -> Iterator[str]:
    """Say what is unusual in the stacks of a series, a sentence each."""
    if len(found) > 1:
        sizes = [len(stack.slices) for stack in found]
        named = ", ".join(map(str, sizes[:NAMED])) + (", ..." if len(sizes) > NAMED else "")
        yield (
            f"its {sum(sizes)} slices make {len(sizes)} stacks ({named}): orientation, size, frame "
            "of reference or acquisition differs"
        )
    for number, stack in enumerate(found, start=1):
        where = f"stack {number}: " if len(found) > 1 else ""
        yield from (where + sentence for sentence in _remarks(stack))


def _remarks(stack: Stack) -> Iterator[str]:
    if stack.depths is None and len(stack.slices) > 1:
        yield "its slices share no geometry, so they are in the order of their instance numbers"
    depths = stack.depths or ()
    usual = (spacing(depths) or 0) / MICROMETRES
    if missing := gaps(depths):
        yield f"slices seem to be missing {_after(missing)}; they are {usual:g} mm apart"
    if uneven := unevennesses(depths):
        yield f"the distance is not the usual one of {usual:g} mm {_after(uneven)}"
    if stack.doubles:
        lie = amount(len(stack.doubles), "slice lies", "slices lie")
        yield f"{lie} where another one does: left out"


def _after(numbers: Sequence[int]) -> str:
    named = ", ".join(map(str, numbers[:NAMED]))
    others = " and others" if len(numbers) > NAMED else ""
    return f"after slice{'s' if len(numbers) > 1 else ''} {named}{others}"


def _odd(depths: Sequence[int], usual: int | None) -> Iterator[tuple[int, int, bool]]:
    """Yield each distance that is not the usual: after which slice, how many usual, if exactly."""
    for number, (before, after) in enumerate(pairwise(depths), start=1):
        assert usual is not None
        times = round((after - before) / usual)
        rest = abs(after - before - times * usual)
        whole = rest <= max(ROUNDING, TOLERANCE * times * usual)
        if not (whole and times == 1):
            yield number, times, whole


def _alike(places: Sequence[Place]) -> Iterator[Members]:
    """Group slices of one size, frame of reference and, nearly, orientation; in turn."""
    groups = list[Members]()
    for n in sorted(range(len(places)), key=lambda n: _turn(places[n])):
        for group in groups:
            if _fits(places[n], places[group[0]]):
                group.append(n)
                break
        else:
            groups.append([n])
    yield from groups


def _fits(place: Place, other: Place) -> bool:
    if (place.size, place.reference) != (other.size, other.reference):
        return False
    if place.orientation is None or place.position is None:
        return other.orientation is None or other.position is None
    if other.orientation is None or other.position is None:
        return False
    pairs = zip(place.orientation, other.orientation, strict=True)
    return all(abs(a - b) <= COSINE_TOLERANCE for a, b in pairs)


def _turn(place: Place) -> tuple[bool, int, str, int]:
    """Order slices by number, those without one last; of the same number by id, then by frame."""
    return place.number is None, place.number or 0, place.id, place.frame or 0


def _depths(group: Members, places: Sequence[Place]) -> dict[int, int]:
    """Project positions onto one normal, that of the first slice, in micrometres."""
    first = places[group[0]].orientation
    assert first is not None
    x, y, z = normal_of(first)
    depths = dict[int, int]()
    for n in group:
        position = places[n].position
        assert position is not None
        depths[n] = round(MICROMETRES * (x * position[0] + y * position[1] + z * position[2]))
    return depths


def _passes(group: Members, places: Sequence[Place], depths: dict[int, int]) -> Sequence[Members]:
    """Split a group whose places come again by what leaves the fewest of them, in few parts."""
    one_by_one: Iterable[Key] = map(itemgetter, range(len(PASSES)))
    keys: Sequence[Key] = (lambda passes: None, *one_by_one, lambda passes: passes)
    splits = [_split(group, places, key) for key in keys]
    return min(
        splits, key=lambda parts: (sum(_doubles(part, depths) for part in parts), len(parts))
    )


def _split(group: Members, places: Sequence[Place], key: Key) -> list[Members]:
    parts = dict[Hashable, Members]()
    for n in group:
        parts.setdefault(key(places[n].passes), []).append(n)
    return list(parts.values())


def _doubles(part: Members, depths: dict[int, int]) -> int:
    return len(part) - len(_kept(part, depths))


def _kept(part: Members, depths: dict[int, int]) -> Members:
    """Order by depth; of slices in one place, nearly, keep the first in turn."""
    kept = list[tuple[int, int]]()
    for n in part:
        at = bisect_left(kept, (depths[n],))
        if all(abs(depths[n] - depth) > ROUNDING for depth, _ in kept[max(0, at - 1) : at + 1]):
            kept.insert(at, (depths[n], n))
    return [n for _, n in kept]


def _by_depth(part: Members, depths: dict[int, int]) -> Stack:
    kept = _kept(part, depths)
    left_out = sorted(set(part) - set(kept))
    start = depths[kept[0]]
    return Stack(tuple(kept), tuple(depths[n] - start for n in kept), tuple(left_out))


def _by_number(group: Members, places: Sequence[Place]) -> Stack:
    return Stack(tuple(sorted(group, key=lambda n: _turn(places[n]))), None)
