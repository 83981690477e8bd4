"""Time of a query against the rows."""

from acir.evaluation.growth_figure import growth

CURVES = {"faiss": [(100_000, 0.1), (1_000_000, 1.0)], "read": [(1_000_000, 0.2), (100_000, 0.02)]}


def test_every_contender_has_a_curve_with_its_name() -> None:
    svg = growth(CURVES).decode()
    assert all(f"<!-- {name} -->" in svg for name in CURVES)
    assert "<!-- rows of the gallery -->" in svg


def test_points_may_come_in_any_order() -> None:
    turned = {name: points[::-1] for name, points in CURVES.items()}
    assert growth(turned) == growth(CURVES)
