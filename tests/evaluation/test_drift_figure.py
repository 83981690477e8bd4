"""The histogram of p-values."""

import re

from acir.evaluation.drift_figure import bars


def test_there_is_a_bar_for_every_step_as_high_as_its_count() -> None:
    svg = bars([10, 0, 5, 20]).decode()
    drawn = re.findall(
        r'<g id="patch_\d+">\s*<path d="M [\d.]+ ([\d.]+) \nL [\d.]+ [\d.]+ \n'
        r"L [\d.]+ ([\d.]+)",
        svg,
    )
    heights = [float(bottom) - float(top) for bottom, top in drawn][-4:]
    assert [round(height / heights[-1], 3) for height in heights] == [0.5, 0.0, 0.25, 1.0]


def test_the_same_counts_are_the_same_bytes() -> None:
    assert bars([1, 2]) == bars([1, 2])
