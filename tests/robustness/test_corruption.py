"""What `apply` does for every corruption: channels, range, chance, and what it refuses."""

import re
from collections.abc import Callable

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float

from acir.errors import UsageError
from acir.robustness.case import Case, Planes, degrees, once
from acir.robustness.corruption import REJECT, RISING, Corruption

Picture = Float[np.ndarray, "3 height width"]
Draw = Callable[..., Picture]


def made(change: Callable[[Case], Planes], others: int = 0, name: str = "made") -> Corruption:
    return Corruption(name, "noise", REJECT, "a test", once(change), others=others)


def given(case: Case) -> Planes:
    return case.planes


def chance(case: Case) -> Planes:
    return np.asarray(case.random.random((1, *case.size)))


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_each_severity_has_its_level_and_its_tier(draw: Draw, severity: int) -> None:
    levels = degrees(lambda case, level: np.full((1, *case.size), level), (0.1, 0.2, 0.3))
    corruption = Corruption("made", "noise", RISING, "a test", levels)
    assert corruption.apply(draw(), severity, 0)[0, 0, 0] == np.float32(
        [0.1, 0.2, 0.3][severity - 1]
    )
    assert corruption.tier(severity) == ["accept", "warn", "reject"][severity - 1]


def test_what_has_levels_is_graded_and_a_change_without_is_not() -> None:
    levels = degrees(lambda case, _: case.planes, (1, 2, 3))
    assert Corruption("made", "noise", REJECT, "a test", levels).graded
    assert not made(given).graded


@pytest.mark.parametrize(("colour", "planes"), [(False, 1), (True, 3)])
def test_a_change_sees_one_plane_of_a_grey_picture_and_three_of_a_coloured(
    draw: Draw, colour: bool, planes: int
) -> None:
    def counted(case: Case) -> Planes:
        return np.full((1, *case.size), 0.1 * len(case.planes))

    result = made(counted).apply(draw(0, 32, colour), 1, 0)
    assert result[0, 0, 0] == pytest.approx(0.1 * planes)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_no_change_gives_the_picture_back(draw: Draw, colour: bool, kind: type) -> None:
    picture: Picture = np.asarray(draw(0, 32, colour), kind)
    result = made(given).apply(picture, 1, 0)
    assert result.dtype == kind
    np.testing.assert_array_equal(result, picture)


def test_a_picture_of_one_channel_keeps_it(draw: Draw) -> None:
    picture = draw()[:1]
    np.testing.assert_array_equal(made(given).apply(picture, 1, 0), picture)


def test_the_picture_itself_is_not_changed(draw: Draw) -> None:
    def darken(case: Case) -> Planes:
        case.planes[:] = 0
        return case.planes

    picture = draw(0, 32, True).astype(np.float64)
    before = picture.copy()
    made(darken).apply(picture, 1, 0)
    np.testing.assert_array_equal(picture, before)


def test_one_plane_is_given_to_every_channel_of_a_coloured_picture(draw: Draw) -> None:
    result = made(chance).apply(draw(0, 32, True), 1, 0)
    assert result.shape == (3, 32, 32)
    np.testing.assert_array_equal(result[0], result[1])
    np.testing.assert_array_equal(result[0], result[2])


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_brought_to_a_grey_picture_comes_as_its_luma(draw: Draw, channels: int) -> None:
    def green(case: Case) -> Planes:
        return np.stack([np.zeros(case.size), np.ones(case.size), np.zeros(case.size)])

    result = made(green).apply(draw()[:channels], 1, 0)
    # ITU-R BT.601: 0.587 of green.
    np.testing.assert_allclose(result, np.full((channels, 32, 32), 0.587), atol=1e-6)


def test_white_in_three_planes_is_white_in_one(draw: Draw) -> None:
    result = made(lambda case: np.ones((3, *case.size))).apply(draw(), 1, 0)
    np.testing.assert_allclose(result, 1, atol=1e-6)
    assert result.max() <= 1


def test_values_beyond_black_and_white_saturate(draw: Draw) -> None:
    picture = draw()
    result = made(lambda case: 4 * case.planes - 1).apply(picture, 1, 0)
    np.testing.assert_allclose(result, np.minimum(np.maximum(4 * picture - 1, 0), 1), atol=1e-6)


def test_the_same_seed_gives_the_same_chance_and_another_another(draw: Draw) -> None:
    corruption = made(chance)
    first = corruption.apply(draw(), 1, 7)
    np.testing.assert_array_equal(first, corruption.apply(draw(), 1, 7))
    assert (first != corruption.apply(draw(), 1, 8)).any()


def test_severities_share_their_chance_and_corruptions_do_not(draw: Draw) -> None:
    first = made(chance).apply(draw(), 1, 7)
    np.testing.assert_array_equal(first, made(chance).apply(draw(), 3, 7))
    assert (first != made(chance, name="other").apply(draw(), 1, 7)).any()


def test_all_others_are_handed_on(draw: Draw) -> None:
    pictures = [draw(seed) for seed in range(4)]
    total = made(lambda case: sum(case.others, np.zeros((1, *case.size))) / 3, others=1)
    result = total.apply(pictures[0], 1, 0, pictures[1:])
    np.testing.assert_allclose(result, np.mean(pictures[1:], axis=0), atol=1e-6)


def test_a_coloured_other_gives_colour(draw: Draw) -> None:
    other = draw(1, 32, True)
    result = made(lambda case: case.others[0], others=1).apply(draw(), 1, 0, [other])
    np.testing.assert_array_equal(result, other)


# What is refused.


@pytest.mark.parametrize("severity", [0, 4, -1])
def test_a_severity_beyond_three_is_refused(draw: Draw, severity: int) -> None:
    message = f"the severity is {severity}, expected 1, 2 or 3"
    with pytest.raises(UsageError, match=message):
        made(given).apply(draw(), severity, 0)
    with pytest.raises(UsageError, match=message):
        made(given).tier(severity)


def test_too_few_others_are_refused(draw: Draw) -> None:
    message = "made was given 1 other pictures, expected at least 2; hand them in as `others`"
    with pytest.raises(UsageError, match=re.escape(message)):
        made(given, others=2).apply(draw(), 1, 0, [draw(1)])


@pytest.mark.parametrize("shape", [(2, 32, 32), (3, 27, 32), (3, 32, 27)])
def test_a_picture_of_another_kind_is_refused(shape: tuple[int, int, int]) -> None:
    message = f"a picture has shape {shape}, expected 1 or 3 channels and sides of at least 28"
    with pytest.raises(UsageError, match=re.escape(message)):
        made(given).apply(np.zeros(shape), 1, 0)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.bool_])
def test_a_picture_of_whole_numbers_is_refused(
    kind: type[np.generic], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A caller's types are not checked as they are in these tests.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(
        UsageError, match=r"a picture has values of type .*, expected floats from 0"
    ):
        made(given).apply(np.zeros((3, 32, 32), kind), 1, 0)


def test_an_other_of_another_shape_is_refused(draw: Draw) -> None:
    message = "a picture has shape (3, 32, 32) and another (3, 40, 40), expected equal ones"
    with pytest.raises(UsageError, match=re.escape(message)):
        made(given).apply(draw(), 1, 0, [draw(0, 40)])


@pytest.mark.parametrize(("value", "words"), [(-0.5, "-0.5 to "), (255, "to 255"), (np.nan, "nan")])
def test_values_that_are_no_picture_are_refused(draw: Draw, value: float, words: str) -> None:
    picture = draw()
    picture[1, 2, 3] = value
    with pytest.raises(UsageError, match=f"{re.escape(words)}.*, expected 0 to 1; prepare it"):
        made(given).apply(picture, 1, 0)


def test_an_other_with_values_that_are_no_picture_is_refused(draw: Draw) -> None:
    with pytest.raises(UsageError, match="a picture has values from 2 to 2, expected 0 to 1"):
        made(given).apply(draw(), 1, 0, [np.full((3, 32, 32), 2.0)])
