"""Maps keep neighbours together, show every picture, and come out the same again."""

from xml.etree import ElementTree

import numpy as np
import pytest
from jaxtyping import Float

from acir.evaluation.maps import (
    FEWEST,
    GOLDEN_ANGLE,
    OUTSIDE,
    SEED_STEP,
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
    """Count the marks of an SVG."""
    return sum(element.tag.endswith("}use") for element in ElementTree.fromstring(drawn).iter())


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


def test_every_picture_is_marked_and_no_word_is_drawn() -> None:
    classes = np.array([0] * 10 + [1] * 15 + [OUTSIDE] * 5)
    drawn = embedding_map(groups(30), classes)
    assert marks(drawn) == 30
    assert b"<!--" not in drawn  # matplotlib leaves each text behind as a comment


def test_the_marks_of_35_classes_and_of_the_unknown_all_differ() -> None:
    drawn = [key(number) for number in (*range(35), OUTSIDE)]
    assert len(set(drawn)) == 36
    assert all(marks(one) == 1 for one in drawn)
