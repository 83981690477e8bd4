"""A bundle serves once it is approved, and the one before is the way back."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from acir.errors import AccessError, AuditError, UsageError
from acir.governance.models import Registered, Registry
from made_people import ROOT

FIRST, SECOND, OTHER = "aa" * 32, "ab" * 32, "cc" * 32


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path)
    for bundle, name in ((FIRST, "chest"), (SECOND, "chest"), (OTHER, "knee")):
        made.register(name, bundle, ROOT, {"classes": ["a"]}, "# Card")
    return made


def _serving(registry: Registry) -> set[str]:
    return {model.id for model in registry.models() if model.in_service}


def test_nothing_serves_before_it_is_approved(registry: Registry) -> None:
    assert _serving(registry) == set()
    with pytest.raises(AccessError, match=r"the model aa.* is not approved by the registry at"):
        registry.check_serves(FIRST)
    registry.approve("aa", ROOT)
    registry.check_serves(FIRST)
    with pytest.raises(AccessError, match="is not approved"):
        registry.check_serves(SECOND)
    with pytest.raises(AccessError, match="is not approved"):
        registry.check_serves("dd" * 32)


def test_of_one_name_one_model_serves_and_rolling_back_leads_to_the_one_before(
    registry: Registry,
) -> None:
    registry.approve("cc", ROOT)
    registry.approve("aa", ROOT)
    assert registry.approve("ab", ROOT).in_service
    assert _serving(registry) == {SECOND, OTHER}
    assert registry.roll_back("chest", ROOT).id == FIRST
    assert _serving(registry) == {FIRST, OTHER}
    states = {model.id: model.approved for model in registry.models()}
    assert states == {FIRST: True, SECOND: False, OTHER: True}
    with pytest.raises(UsageError, match="there is no earlier model of chest to go back to"):
        registry.roll_back("chest", ROOT)


def test_rolling_back_from_a_model_twice_goes_back_once(registry: Registry) -> None:
    for start in ("aa", "ab", "aa"):
        registry.approve(start, ROOT)
    assert registry.roll_back("chest", ROOT, (FIRST, SECOND)).id == SECOND
    for seen in ((FIRST, SECOND), (SECOND, OTHER), (OTHER, FIRST), (SECOND, ""), ("ab", "aa")):
        with pytest.raises(UsageError, match="in service for chest are not those that were shown"):
            registry.roll_back("chest", ROOT, seen)
    with pytest.raises(UsageError, match="in service for none are not those that were shown"):
        registry.roll_back("none", ROOT, (FIRST, SECOND))
    assert _serving(registry) == {SECOND}


def test_a_model_that_serves_tells_which_one_serves_once_it_is_rolled_back(
    registry: Registry,
) -> None:
    def before() -> dict[str, str]:
        return {model.id: model.before for model in registry.models()}

    registry.approve("aa", ROOT)
    registry.approve("cc", ROOT)
    assert before() == {FIRST: "", SECOND: "", OTHER: ""}
    registry.approve("ab", ROOT)
    assert before() == {FIRST: "", SECOND: FIRST, OTHER: ""}
    registry.approve("aa", ROOT)
    assert before() == {FIRST: SECOND, SECOND: "", OTHER: ""}


def test_what_a_bundle_says_of_itself_is_kept(registry: Registry, tmp_path: Path) -> None:
    registry.close()
    with Registry(tmp_path) as again:
        (first, *_) = again.models()
    assert (first.name, first.by, first.about, first.card) == (
        "chest",
        "root",
        {"classes": ["a"]},
        "# Card",
    )


def test_impossible_requests_are_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"the model aa.* is registered already"):
        registry.register("knee", FIRST, ROOT, {}, "")
    registry.approve("aa", ROOT)
    with pytest.raises(UsageError, match=r"the model aa.* is in service already"):
        registry.approve(FIRST, ROOT)
    for start, count in (("a", 2), ("d", 0), ("", 0)):
        with pytest.raises(UsageError, match=f"{count} registered models have an id that begins"):
            registry.approve(start, ROOT)


def test_every_change_is_recorded_and_none_comes_about_without(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.approve("aa", ROOT)
    registry.approve("ab", ROOT)
    registry.roll_back("chest", ROOT)
    found = [(record.event.model, record.event.detail) for record in registry.log.records()]
    assert found[3:] == [
        (FIRST, "approved for chest"),
        (SECOND, "approved for chest"),
        (SECOND, f"rolled back for chest, now {FIRST}"),
    ]

    def refuse(event: object) -> None:
        raise AuditError("full")

    registry.approve("ab", ROOT)
    monkeypatch.setattr(registry.log, "append", refuse)
    for change in (
        lambda: registry.approve("cc", ROOT),
        lambda: registry.roll_back("chest", ROOT),
        lambda: registry.register("knee", "dd" * 32, ROOT, {}, ""),
    ):
        with pytest.raises(AuditError, match="full"):
            change()
    assert _serving(registry) == {SECOND}
    assert {model.id for model in registry.models()} == {FIRST, SECOND, OTHER}


def test_two_who_approve_at_once_approve_once(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, meet = Registry._one, Barrier(2)

    def slowly(self: Registry, start: str) -> Registered:
        one = found(self, start)
        with suppress(BrokenBarrierError):
            meet.wait(0.5)  # until the other has looked too
        return one

    def approve(_: int) -> bool:
        with Registry(tmp_path) as opened:
            try:
                return opened.approve(SECOND, ROOT).in_service
            except UsageError:
                return False

    registry.approve(FIRST, ROOT)
    monkeypatch.setattr(Registry, "_one", slowly)
    with ThreadPoolExecutor(2) as admins:
        assert sorted(admins.map(approve, range(2))) == [False, True]
    monkeypatch.undo()
    assert registry.roll_back("chest", ROOT).id == FIRST
    assert _serving(registry) == {FIRST}
