"""Maps keep neighbours together, show every picture, and come out the same again."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from jaxtyping import Float

from acir.evaluation.maps import (
    FEWEST,
    GOLDEN_ANGLE,
    OUTSIDE,
    SEED_STEP,
    amid,
    dealt_out,
    embedding_map,
    key,
    layout,
)


def groups(n: int) -> Float[np.ndarray, "n 16"]:
    """Return two groups of vectors, alternating, far from each other."""
    noise = np.random.default_rng(0).normal(size=(n, 16))
    return noise + 20.0 * (np.arange(n) % 2)[:, None]


def marks(drawn: bytes) -> int:
    """Count the marks of an SVG; a glyph is also a use of a path, but has no style of its own."""
    uses = [e for e in ElementTree.fromstring(drawn).iter() if e.tag.endswith("}use")]
    return sum("style" in use.attrib for use in uses)


def test_the_nearest_on_the_map_is_of_the_same_group() -> None:
    places = layout(groups(60))
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert ((distances.argmin(axis=1) - np.arange(60)) % 2 == 0).all()


def test_a_map_is_the_same_again() -> None:
    classes = np.arange(40) % 2
    assert embedding_map(groups(40), classes) == embedding_map(groups(40), classes)


@pytest.mark.parametrize("n", [FEWEST, FEWEST + 1])
def test_few_pictures_suffice(n: int) -> None:
    assert np.isfinite(layout(groups(n))).all()


def test_two_codes_alone_have_a_map() -> None:
    vectors = np.array([[1.0, -1, 1], [1, 1, -1]])[np.arange(20) % 2]
    assert np.isfinite(layout(vectors)).all()


def test_pictures_that_are_all_alike_share_a_place() -> None:
    assert layout(np.ones((9, 4))).tolist() == [[0.0, 0.0]] * 9


def test_pictures_of_equal_vectors_are_dealt_out_around_the_middle_of_their_places() -> None:
    places = np.array([[0.0, 0.0], [10.0, 4.0], [2.0, 0.0], [1.0, 3.0]])
    vectors = np.array([[1.0], [5.0], [1.0], [1.0]])
    found = dealt_out(places, vectors)
    assert found[1].tolist() == [10.0, 4.0]
    # The middle of (0, 0), (2, 0) and (1, 3) is (1, 1); the map is 10 wide.
    assert found[0].tolist() == [1.0, 1.0]
    turn = np.array([np.cos(GOLDEN_ANGLE), np.sin(GOLDEN_ANGLE)])
    np.testing.assert_allclose(found[2], [1.0, 1.0] + 10 * SEED_STEP * turn)
    assert np.linalg.norm(found[3] - 1.0) == pytest.approx(10 * SEED_STEP * 2**0.5)


def test_pictures_of_different_vectors_stay_where_they_are() -> None:
    places, vectors = np.random.default_rng(0).normal(size=(2, 30, 2))
    assert (dealt_out(places, vectors) == places).all()


def test_every_picture_is_marked_and_every_known_class_numbered() -> None:
    classes = np.array([0] * 10 + [6] * 15 + [OUTSIDE] * 5)
    drawn = embedding_map(groups(30), classes)
    # matplotlib leaves each text behind as a comment
    assert re.findall(rb"<!-- (.*?) -->", drawn) == [b"1", b"7"]
    assert marks(drawn) == 30 + 2  # a disc beneath each number


def test_a_class_is_numbered_on_one_of_its_pictures() -> None:
    # The median is (1, 0): at a distance of 1 from the first, 2 from the second, 8.5 from the last.
    assert amid(np.array([[0.0, 0.0], [1.0, 2.0], [9.0, -3.0]])) == (0.0, 0.0)


def test_the_marks_of_35_classes_and_of_the_unknown_all_differ() -> None:
    drawn = [key(number) for number in (*range(35), OUTSIDE)]
    assert len(set(drawn)) == 36
    assert all(marks(one) == 1 for one in drawn)
