"""Series in order: hand-computed stacks, plain references, and highdicom as the oracle."""

import random
from dataclasses import replace
from itertools import pairwise, permutations
from math import cos, radians, sin

import numpy as np
import pytest
from highdicom.spatial import get_plane_sort_index, get_volume_positions
from hypothesis import given
from hypothesis import strategies as st

from acir.pacs.place import PASSES, Place, normal_of
from acir.pacs.series import (
    Stack,
    chosen,
    gaps,
    remarks,
    representatives,
    spacing,
    stacks,
    unevennesses,
)

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
NO_PASS = (None,) * len(PASSES)


def place(number: int | None, height: float = 0.0, **changes: object) -> Place:
    """Return an axial slice at a height in mm; slice `number` is called by it."""
    made = Place(
        id=f"{number}:{height}",
        series="s",
        reference="r",
        size=(512, 512),
        number=number,
        passes=NO_PASS,
        orientation=AXIAL,
        position=(-125.0, -125.0, height),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def axial(*heights: float) -> list[Place]:
    return [place(number, float(height)) for number, height in enumerate(heights, start=1)]


def test_slices_are_ordered_along_their_normal_not_by_number() -> None:
    # Numbered from the head down, as many scanners do; the normal of axial slices points up.
    (stack,) = stacks(axial(10.0, 5.0, 0.0, -5.0))
    assert stack == Stack(slices=(3, 2, 1, 0), depths=(0, 5000, 10000, 15000))


def test_sagittal_slices_are_ordered_from_the_left() -> None:
    # Rows run to the back (y), columns down (-z): the normal is y x -z = -x, to the right.
    slices = [
        replace(p, orientation=SAGITTAL, position=(x, 0.0, 0.0))
        for p, x in zip(axial(0, 1, 2), (-4.0, 0.0, 4.0), strict=True)
    ]
    (stack,) = stacks(slices)
    assert stack == Stack(slices=(2, 1, 0), depths=(0, 4000, 8000))


def test_a_tilted_gantry_makes_slices_nearer_than_the_table_moves() -> None:
    # Moving 5 mm along z, slices tilted by 60 degrees lie 5 cos 60 = 2.5 mm apart.
    tilt = radians(60)
    tilted = (1.0, 0.0, 0.0, 0.0, cos(tilt), -sin(tilt))
    (stack,) = stacks([replace(p, orientation=tilted) for p in axial(0.0, 5.0, 10.0)])
    assert stack.depths == (0, 2500, 5000)


@pytest.mark.parametrize("missing", ["orientation", "position"])
def test_without_geometry_the_instance_number_decides(missing: str) -> None:
    slices = [replace(p, **{missing: None}) for p in axial(0, 5, 10)]  # type: ignore[arg-type]
    (stack,) = stacks([slices[2], replace(slices[0], number=None), slices[1]])
    assert stack == Stack(slices=(2, 0, 1), depths=None)
    assert list(remarks([stack])) == [
        "its slices share no geometry, so they are in the order of their instance numbers"
    ]


def test_no_slices_are_no_stack_and_one_is_one() -> None:
    assert stacks([]) == []
    (stack,) = stacks(axial(7.0))
    assert len(stack.slices) == 1
    assert list(remarks([stack])) == []


def test_a_missing_slice_is_a_gap() -> None:
    (stack,) = stacks(axial(0, 5, 10, 20, 25, 40, 45, 50))
    assert stack.depths is not None
    assert spacing(stack.depths) == 5000
    assert gaps(stack.depths) == (3, 5)
    assert unevennesses(stack.depths) == ()
    assert list(remarks([stack])) == [
        "slices seem to be missing after slices 3, 5; they are 5 mm apart"
    ]


def test_distances_as_they_are_rounded_in_headers_are_even() -> None:
    # 0.625 mm, written with two decimals: 0.62 and 0.63 in turn.
    (stack,) = stacks(axial(*(round(0.625 * n, 2) for n in range(40))))
    assert list(remarks([stack])) == []


def test_another_distance_is_uneven_not_a_gap() -> None:
    (stack,) = stacks(axial(0, 4, 8, 12, 19, 26, 27))
    assert stack.depths is not None
    assert gaps(stack.depths) == ()
    assert unevennesses(stack.depths) == (4, 5, 6)
    assert list(remarks([stack])) == [
        "the distance is not the usual one of 4 mm after slices 4, 5, 6"
    ]
    (long,) = stacks(axial(*range(9), *(8 + 1.5 * n for n in range(1, 8))))
    assert list(remarks([long])) == [
        "the distance is not the usual one of 1 mm after slices 9, 10, 11, 12, 13 and others"
    ]


def test_a_localiser_is_a_stack_of_its_own() -> None:
    scouts = [
        place(number, orientation=SAGITTAL, position=(float(number), 0.0, 0.0)) for number in (1, 2)
    ]
    found = stacks([*scouts, *(place(n, 5.0 * n) for n in range(3, 7))])
    assert [stack.slices for stack in found] == [(2, 3, 4, 5), (1, 0)]
    assert list(remarks(found)) == [
        "its 6 slices make 2 stacks (4, 2): orientation, size, frame of reference or acquisition "
        "differs"
    ]


@pytest.mark.parametrize("change", [{"size": (256, 256)}, {"reference": "other"}])
def test_another_size_or_frame_of_reference_is_another_stack(change: dict[str, object]) -> None:
    heights = [0.0, 5.0, 10.0]
    other = [place(n + 9, h, **change) for n, h in enumerate(heights)]
    found = stacks([*axial(*heights), *other])
    assert [stack.slices for stack in found] == [(0, 1, 2), (3, 4, 5)]


def test_of_many_stacks_the_first_are_counted() -> None:
    sizes = [place(n, 5.0 * n, size=(n // 2 + 1, 9)) for n in range(14)]
    (said,) = remarks(stacks(sizes))
    assert said.startswith("its 14 slices make 7 stacks (2, 2, 2, 2, 2, ...): orientation,")


def test_nearly_the_same_orientation_is_the_same() -> None:
    nearly = (0.9999999, 0.0004, 0.0, -0.0004, 0.9999999, 0.0)
    (stack,) = stacks([place(1, 0.0), place(2, 5.0, orientation=nearly)])
    assert stack.slices == (0, 1)


def test_slices_that_are_each_in_a_plane_of_their_own_are_taken_by_number() -> None:
    radial = []
    for n in range(4):
        turn = radians(30 * n)
        radial.append(place(9 - n, orientation=(cos(turn), sin(turn), 0.0, 0.0, 0.0, -1.0)))
    assert stacks(radial) == [Stack(slices=(3, 2, 1, 0), depths=None)]


@pytest.mark.parametrize("which", range(len(PASSES)))
def test_passes_over_the_same_positions_are_stacks(which: int) -> None:
    def passed(value: float) -> tuple[float | None, ...]:
        return tuple(value if n == which else None for n in range(len(PASSES)))

    slices = [
        place(3 * value + n, 5.0 * n, passes=passed(float(value)))
        for value in (1, 2)
        for n in range(3)
    ]
    assert [stack.slices for stack in stacks(slices)] == [(0, 1, 2), (3, 4, 5)]
    gap = [slices[0], slices[2], *slices[3:]]  # the gap of one pass is not filled by the other
    assert [stack.slices for stack in stacks(gap)] == [(2, 3, 4), (0, 1)]


def test_passes_may_need_two_attributes_to_be_told_apart() -> None:
    slices = [
        place(n, 5.0 * (n % 2), passes=(None, float(n // 2 % 2), float(n // 4), None, None))
        for n in range(8)
    ]
    assert [stack.slices for stack in stacks(slices)] == [(0, 1), (2, 3), (4, 5), (6, 7)]


def test_acquisitions_that_continue_a_stack_do_not_split_it() -> None:
    slices = [place(n, 5.0 * n, passes=(float(n // 2), None, None, None, None)) for n in range(6)]
    (stack,) = stacks(slices)
    assert stack.slices == (0, 1, 2, 3, 4, 5)


def test_of_slices_in_one_place_the_lowest_number_is_kept() -> None:
    again = place(9, 4.99)  # within the 0.02 mm that headers are rounded by
    (stack,) = stacks([again, *axial(0, 5, 10)])
    assert stack == Stack(slices=(1, 2, 3), depths=(0, 5000, 10000), doubles=(0,))
    assert list(remarks([stack])) == ["1 slice lies where another one does: left out"]


def test_remarks_say_which_stack_they_are_of() -> None:
    coronal = [
        place(n, orientation=(1.0, 0.0, 0.0, 0.0, 0.0, -1.0), position=(0.0, y, 0.0))
        for n, y in ((7, 0.0), (8, 1.0), (9, 3.0))
    ]
    assert list(remarks(stacks([*axial(0, 5, 10, 15), *coronal])))[1:] == [
        "stack 2: slices seem to be missing after slice 2; they are 1 mm apart"
    ]


def test_the_order_in_which_slices_come_does_not_count() -> None:
    slices = [
        *axial(0, 5, 10),
        place(4, 5.0),
        place(5, orientation=SAGITTAL),
        place(None, 1.0, id="x"),
    ]
    expected = [[slices[n].id for n in stack.slices] for stack in stacks(slices)]
    for order in permutations(slices):
        assert [[order[n].id for n in stack.slices] for stack in stacks(order)] == expected


@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_order_is_that_of_highdicom(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    row, column, normal = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    orientation = tuple(map(float, (*row, *column)))
    steps = rng.permutation(count) * rng.uniform(0.5, 8.0)
    origin = rng.uniform(-300, 300, 3)
    positions = [tuple(map(float, origin + step * normal)) for step in steps]
    slices = [
        place(n, orientation=orientation, position=position, id=f"{n:02d}")
        for n, position in enumerate(positions)
    ]
    (stack,) = stacks(slices)
    assert list(stack.slices) == get_plane_sort_index(positions, orientation, index_convention="RD")
    assert np.allclose(normal_of(orientation), np.cross(row, column))


@given(st.integers(0, 2**32 - 1))
def test_gaps_are_where_highdicom_leaves_places_empty(seed: int) -> None:
    draw = random.Random(seed)
    step, there = draw.choice([0.5, 1.25, 3.0, 5.0]), sorted(draw.sample(range(60), 50))
    positions = [(0.0, 0.0, step * n) for n in there]
    found, places = get_volume_positions(
        positions, AXIAL, allow_missing_positions=True, index_convention="RD"
    )
    assert places is not None
    expected = tuple(n for n, (a, b) in enumerate(pairwise(places), start=1) if b - a > 1)
    (stack,) = stacks(axial(*(step * n for n in there)))
    assert stack.depths is not None
    assert spacing(stack.depths) == round(1000 * (found or 0))
    assert gaps(stack.depths) == expected
    assert unevennesses(stack.depths) == ()


@given(
    st.lists(st.integers(30, 10_000), min_size=1, max_size=30),
    st.integers(1, 12),
)
def test_representatives_are_where_the_middles_of_equal_parts_fall(
    steps: list[int], count: int
) -> None:
    depths = [0]
    for step in steps:
        depths.append(depths[-1] + step)
    # Each slice reaches half way to its neighbours, and the outer ones as far on the other side.
    borders = [(a + b) / 2 for a, b in pairwise(depths)]
    start, end = -steps[0] / 2, depths[-1] + steps[-1] / 2
    expected = set()
    for k in range(count):
        middle = start + (k + 0.5) / count * (end - start)
        nearest = min(abs(middle - border) for border in borders)
        if nearest < 1e-6:  # on a border, where the sums above are not exact
            return
        expected.add(sum(border < middle for border in borders))
    found = representatives(Stack(tuple(range(len(depths))), tuple(depths)), count)
    assert found == sorted(expected)


@given(st.integers(1, 60), st.integers(1, 12))
def test_of_even_slices_they_are_those_of_nifti_volumes(depth: int, count: int) -> None:
    expected = sorted({int((k + 0.5) * depth / count) for k in range(count)})
    by_number = Stack(tuple(range(depth)), None)
    by_depth = Stack(tuple(range(depth)), tuple(700 * n for n in range(depth)))
    assert representatives(by_number, count) == representatives(by_depth, count) == expected


def test_what_is_chosen_says_where_it_lies() -> None:
    found = stacks([*axial(0, 5, 10, 15), place(9, orientation=SAGITTAL)])
    assert list(chosen(found, 2)) == [
        (1, {"Slice": "2 of 4", "Stack": "1 of 2"}),
        (3, {"Slice": "4 of 4", "Stack": "1 of 2"}),
        (4, {"Slice": "1 of 1", "Stack": "2 of 2"}),
    ]
    assert list(chosen(stacks(axial(0, 5)), 1)) == [(1, {"Slice": "2 of 2"})]
