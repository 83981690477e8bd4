"""What holds for every corruption of the suite, and which tiers it has."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Float

from acir.robustness.corruption import ACCEPT, SEVERITIES, Corruption
from acir.robustness.inputs import suite

Draw = Callable[..., Float[np.ndarray, "channels height width"]]

SUITE = suite(oriented=True)
BY_NAME = {corruption.name: corruption for corruption in SUITE}
GROUPS = {  # the lines of the table in the design, in its order
    "blank": 4,
    "truncated": 3,
    "intensity": 5,
    "geometry": 8,
    "noise": 10,
    "overlay": 6,
    "screenshot": 5,
    "structure": 4,
    "modality": 4,
    "mild": 6,
}
TURNS = {
    "quarter_turns",
    "upside_down",
    "left_right",
    "transposed",
    "tilted",
    "slightly_tilted",
}
# What grows with its severity, so that the picture moves away from what it was.
GROWING = [
    *("mostly_black", "cut_off", "half_downloaded", "gamma", "contrast", "window_centre"),
    *("zoomed_out", "gaussian", "salt_and_pepper", "speckle", "stripes", "rings"),
    *("blurred", "motion", "jpeg", "downsampled", "white_text", "black_text", "logo", "arrow"),
    *("black_box", "window", "photographed", "averaged", "slightly_exposed", "slightly_noisy"),
    *("slightly_compressed", "slightly_blurred", "slightly_tilted", "shifted", "tissue_text"),
]


def applied(
    corruption: Corruption, severity: int, draw: Draw, side: int, colour: bool
) -> Float[np.ndarray, "channels height width"]:
    others = [draw(seed, side, colour) for seed in range(1, 1 + corruption.others)]
    return corruption.apply(draw(0, side, colour), severity, 5, others)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("side", [28, 64, 224])
@pytest.mark.parametrize("name", BY_NAME)
def test_every_result_is_a_picture_of_the_same_kind(
    draw: Draw, name: str, side: int, colour: bool
) -> None:
    picture = draw(0, side, colour)
    for severity in SEVERITIES:
        result = applied(BY_NAME[name], severity, draw, side, colour)
        assert result.shape == picture.shape
        assert result.dtype == picture.dtype
        assert result.min() >= 0
        assert result.max() <= 1
        assert colour or (result == result[:1]).all(), "a grey picture became coloured"


@pytest.mark.parametrize("name", BY_NAME)
def test_every_result_differs_from_the_picture(draw: Draw, name: str) -> None:
    for severity in SEVERITIES:
        assert (applied(BY_NAME[name], severity, draw, 32, True) != draw(0, 32, True)).any()


@pytest.mark.parametrize("name", BY_NAME)
def test_every_result_is_the_same_again(draw: Draw, name: str) -> None:
    for severity in SEVERITIES:
        first = applied(BY_NAME[name], severity, draw, 32, True)
        np.testing.assert_array_equal(first, applied(BY_NAME[name], severity, draw, 32, True))


@pytest.mark.parametrize("name", BY_NAME)
def test_a_picture_need_not_be_square(draw: Draw, name: str) -> None:
    pictures = [draw(seed, 48)[:, :36] for seed in range(8)]
    result = BY_NAME[name].apply(pictures[0], 2, 0, pictures[1:])
    assert result.shape == (3, 36, 48)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("side", [28, 64])
@pytest.mark.parametrize("name", GROWING)
def test_severity_leads_away_from_the_picture(
    draw: Draw, name: str, side: int, colour: bool
) -> None:
    picture = draw(0, side, colour)
    distances = [
        float(np.abs(applied(BY_NAME[name], severity, draw, side, colour) - picture).mean())
        for severity in SEVERITIES
    ]
    assert distances[0] < distances[1] < distances[2]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_severities_differ_just_where_they_are_graded(draw: Draw, name: str) -> None:
    first, second, third = (applied(BY_NAME[name], s, draw, 64, True) for s in SEVERITIES)
    assert BY_NAME[name].graded == (first != second).any() == (second != third).any()


def test_names_are_unique_words() -> None:
    assert len(BY_NAME) == len(SUITE)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in BY_NAME)


def test_every_line_of_the_table_is_there() -> None:
    counts: dict[str, int] = {}
    for corruption in SUITE:
        counts[corruption.group] = counts.get(corruption.group, 0) + 1
    assert counts == GROUPS


def test_every_corruption_says_what_is_wrong() -> None:
    assert all(re.fullmatch(r"[a-z][^.]{8,}[a-z0-9]", c.reason) for c in SUITE)


@pytest.mark.parametrize(
    ("group", "tiers"),
    [
        ("blank", ["reject", "reject", "reject"]),
        ("truncated", ["warn", "reject", "reject"]),
        ("overlay", ["warn", "reject", "reject"]),
        ("screenshot", ["reject", "reject", "reject"]),
        ("structure", ["reject", "reject", "reject"]),
        ("modality", ["reject", "reject", "reject"]),
        ("mild", ["accept", "accept", "accept"]),
    ],
)
def test_a_group_of_one_kind_has_the_tiers_of_the_table(group: str, tiers: list[str]) -> None:
    found = [[c.tier(s) for s in SEVERITIES] for c in SUITE if c.group == group]
    assert found == [tiers] * GROUPS[group]


@pytest.mark.parametrize(
    ("name", "tiers"),
    [
        ("inverted", ["reject", "reject", "reject"]),
        ("gamma", ["warn", "reject", "reject"]),
        ("wrapped", ["warn", "reject", "reject"]),
        ("quarter_turns", ["reject", "reject", "reject"]),
        ("left_right", ["reject", "reject", "reject"]),
        ("tilted", ["accept", "warn", "reject"]),
        ("cropped", ["accept", "warn", "reject"]),
        ("gaussian", ["accept", "warn", "reject"]),
        ("nothing_but_noise", ["reject", "reject", "reject"]),
        ("jpeg", ["accept", "warn", "reject"]),
    ],
)
def test_a_row_has_the_tiers_of_the_table(name: str, tiers: list[str]) -> None:
    assert [BY_NAME[name].tier(severity) for severity in SEVERITIES] == tiers


def test_without_an_up_turned_and_mirrored_pictures_are_accepted_and_nothing_else_changes() -> None:
    for with_up, without in zip(SUITE, suite(oriented=False), strict=True):
        assert with_up.name == without.name
        assert without.changes is with_up.changes
        assert without.tiers == (ACCEPT if with_up.name in TURNS else with_up.tiers)
