"""A search restricted to some collections does not see the others."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acir.errors import UsageError
from acir.index.filters import collection_of
from acir.index.store import Store
from acir.search import Request, Searcher
from acir.workflows.search import open_index

COLLECTIONS = ("ct", "mr", "us", "default")


@pytest.fixture(scope="module")
def searcher(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """Give every picture of an index one of four collections, drawn by lot."""
    folder = shutil.copytree(index, tmp_path_factory.mktemp("collections") / "index")
    rng = np.random.default_rng(0)
    with Store.open(folder) as store:
        with store.view() as view:
            entries = view.entries(np.arange(len(view.gallery.keys)))
        drawn = rng.choice(COLLECTIONS, len(entries))
        store.add(
            replace(
                entry,
                metadata={"half": str(n % 2), f"{name}-room": "1"}
                | ({} if name == "default" else {"collection": name}),
                patient=f"{n // 3:032x}",
            )
            for n, (entry, name) in enumerate(zip(entries, drawn, strict=True))
        )
    with open_index(folder) as opened:
        yield opened


def _where(searcher: Searcher) -> dict[str, str]:
    with searcher.store.view() as view:
        entries = view.entries(np.arange(len(view.gallery.keys)))
    return {entry.id: collection_of(entry.metadata) for entry in entries}


def _drawn(rng: np.random.Generator, allowed: list[str]) -> dict[str, Any]:
    """Draw how to search, of all the ways there are."""
    return {
        "k": int(rng.integers(1, 30)),
        "radius": int(rng.integers(0, 17)) if rng.random() < 0.3 else None,
        "where": {"half": "1"} if rng.random() < 0.3 else None,
        "mode": str(rng.choice(["plain", "within-distance", "fused"])),
        "include_self": bool(rng.random() < 0.5),
        "keep_duplicates": bool(rng.random() < 0.5),
        "per": str(rng.choice(["patient", "label", "half"])) if rng.random() < 0.3 else None,
        "like": tuple(rng.choice(allowed, 2)) if rng.random() < 0.3 else (),
        "least": int(rng.integers(0, 4)),
    }


def _foreign_hits(searcher: Searcher, queries: int) -> int:
    rng, where, foreign = np.random.default_rng(1), _where(searcher), 0
    for _ in range(queries):
        within = frozenset(rng.choice(COLLECTIONS, int(rng.integers(1, 4)), replace=False))
        allowed = [name for name, place in where.items() if place in within]
        request = Request(collections=within, **_drawn(rng, allowed))
        asked = searcher.stored([str(rng.choice(allowed))], within)
        if rng.random() < 0.2:
            answer = searcher.together([*asked, *searcher.stored([allowed[0]], within)], request)
        else:
            (answer,) = searcher.answers(asked, request)
        foreign += sum(where[hit.id] not in within for hit in (*answer.hits, *answer.least))
    return foreign


def test_of_many_random_queries_none_sees_a_picture_of_another_collection(
    searcher: Searcher,
) -> None:
    assert _foreign_hits(searcher, 300) == 0


@pytest.mark.soak
def test_of_ten_thousand_random_queries_none_sees_a_picture_of_another_collection(
    searcher: Searcher,
) -> None:
    assert _foreign_hits(searcher, 10_000) == 0


def test_the_answer_is_that_of_an_index_without_the_others(
    searcher: Searcher, tmp_path: Path
) -> None:
    where = _where(searcher)
    alone = shutil.copytree(searcher.store.folder, tmp_path / "alone")
    with Store.open(alone) as store:
        store.delete(name for name, place in where.items() if place not in {"ct", "default"})
    rng, within = np.random.default_rng(2), frozenset({"ct", "default"})
    allowed = [name for name, place in where.items() if place in within]
    with open_index(alone) as other:
        for _ in range(60):
            name, options = str(rng.choice(allowed)), _drawn(rng, allowed)
            restricted = searcher.search_stored(name, collections=within, **options)
            assert restricted == other.search_stored(name, **options)


def test_a_picture_of_another_collection_is_told_like_one_that_is_not_there(
    searcher: Searcher,
) -> None:
    where = _where(searcher)
    inside = next(name for name, place in where.items() if place == "ct")
    outside = next(name for name, place in where.items() if place == "mr")
    within = frozenset({"ct"})

    def said(name: str) -> str:
        return f"^the index has no picture {name!r}; give the id of a stored one, as a hit shows it"

    for name in (outside, "absent"):
        with pytest.raises(UsageError, match=said(name)):
            searcher.search_stored(name, collections=within)
        with pytest.raises(UsageError, match=said(name)):
            searcher.search_stored(inside, collections=within, like=(name,))
        with pytest.raises(UsageError, match=said(name)):
            searcher.search_stored(inside, collections=within, unlike=(name,))
    with pytest.raises(UsageError, match=said(outside)):
        searcher.answers(searcher.stored([outside]), Request(collections=within))


@pytest.mark.parametrize("how", [{"per": "mr-room"}, {"where": {"mr-room": "1"}}])
def test_a_key_of_another_collection_is_told_like_one_that_is_not_there(
    searcher: Searcher, how: dict[str, Any]
) -> None:
    inside = next(name for name, place in _where(searcher).items() if place == "ct")
    assert searcher.search_stored(inside, collections=frozenset({"ct", "mr"}), **how)
    with pytest.raises(UsageError, match="the index has nothing named 'mr-room' to ") as refused:
        searcher.search_stored(inside, collections=frozenset({"ct"}), **how)
    assert "; use collection, ct-room, half, label" in str(refused.value)
    assert "us-room" not in str(refused.value)


def test_nothing_is_found_where_nothing_may_be_searched(searcher: Searcher) -> None:
    name = next(iter(_where(searcher)))
    with pytest.raises(UsageError, match="the index has no picture"):
        searcher.search_stored(name, collections=frozenset())
    picture = np.zeros((32, 32), np.uint8)
    picture[8:24, 8:24] = np.random.default_rng(0).integers(0, 255, (16, 16))
    answer = searcher.search(picture, collections=frozenset(), force=True)
    assert answer.hits == ()


def test_no_risk_is_promised_of_some_collections(searcher: Searcher) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)
    with pytest.raises(UsageError, match=r"a risk is promised for a plain search.*collections"):
        searcher.search(picture, risk=0.1, collections=frozenset({"ct"}))
