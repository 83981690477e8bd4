"""Who was lately recorded to see what."""

import pytest

from acir.governance.audit import Actor
from acir.workflows.serving import seen
from acir.workflows.serving.seen import SECONDS, Seen

ADA, EVE = Actor("ada", "viewer", "10.0.0.1"), Actor("eve", "viewer", "10.0.0.1")


def test_what_was_noted_is_known_of_the_same_actor_for_half_an_hour() -> None:
    now = [100.0]
    kept = Seen(lambda: now[0])
    kept.note(ADA, ["a", "b"])
    assert kept.has(ADA, "a")
    assert not kept.has(ADA, "c")
    assert not kept.has(EVE, "a")
    assert not kept.has(Actor("ada", "emergency", "10.0.0.1"), "a")
    assert not kept.has(Actor("ada", "viewer", "10.0.0.2"), "a")
    now[0] += SECONDS - 1
    kept.note(ADA, ["b"])
    now[0] += 2
    assert not kept.has(ADA, "a")
    assert kept.has(ADA, "b")


def test_the_oldest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MOST", 3)
    kept = Seen()
    kept.note(ADA, ["a", "b", "c"])
    kept.note(ADA, ["a"])
    kept.note(EVE, ["d"])
    assert [kept.has(ADA, name) for name in "abc"] == [True, False, True]
    assert kept.has(EVE, "d")
