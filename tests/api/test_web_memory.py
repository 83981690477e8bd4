"""What a server holds in memory does not grow with the requests that it has answered."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx2
import numpy as np
import pytest

from acir.index.store import Store
from made_model import CLASSES, draw, foreign
from made_process import started
from made_web import people, png

MIB = 2**20
# Room for some dozens of the pictures that are being looked at; warming up fills it.
CONFIGURATION = "[limits]\nkept_mb = 2.0\n"
# An answer of this model is a few kilobytes: 10,000 of them, kept, would be twice as much.
MOST_GROWTH = 24 * MIB


def memory(process: int) -> int:
    """Return the bytes of a process that are in memory now."""
    pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def ask(client: httpx2.Client, random: Random, pictures: list[bytes], ids: list[str]) -> None:
    """Ask for something that people ask for, now and then wrongly."""
    way, picture, name = random.random(), random.choice(pictures), random.choice(ids)
    if way < 0.35:
        found = client.post("/api/v1/search", files={"image": picture})
        assert found.status_code == 200
        page = random.choice(("/search", "/query/picture", "/query/heat"))
        shown = client.get(page, params={"q": found.json()["key"]})
        assert shown.status_code in {200, 404}  # one that cannot be read has no picture
        return
    if way < 0.5:
        assert client.post("/api/v1/check", files={"image": picture}).status_code == 200
        return
    path, wish, expected = random.choice(
        [
            ("/api/v1/similar", {"id": name}, 200),
            ("/api/v1/similar", {"id": name, "where": "label=disc", "k": "50"}, 200),
            ("/api/v1/export", {"id": name}, 200),
            ("/api/v1/record", {"id": name}, 200),
            ("/api/v1/thumbnail", {"id": name}, 200),
            ("/api/v1/index", {}, 200),
            ("/", {}, 200),
            ("/metrics", {}, 200),
            ("/api/v1/record", {"id": f"nothing {random.random()}"}, 404),
            ("/api/v1/similar", {"id": name, "where": f"{random.random()}=x"}, 422),
            (f"/nothing/{random.random()}", {}, 404),
        ]
    )
    assert client.get(path, params=wish).status_code == expected, path


def grown(index: Path, folder: Path, warm: int, count: int) -> Iterator[int]:
    """Ask `warm` requests, then `count`; yield by how many bytes the server grew, ten times."""
    curator, random = people(index)["curator"], Random(11)
    with Store.open(index) as store, store.view() as view:
        ids = [entry.id for entry in view.entries(np.arange(len(view.gallery.keys)))]
    pictures = [png(draw(kind, 800 + n)) for n in range(50) for kind in CLASSES]
    pictures += [png(foreign(n)) for n in range(20)] + [b"no picture"]
    config = folder / "serve.toml"
    config.write_text(CONFIGURATION, encoding="utf-8")
    with started(index, curator, "--config", config) as (client, process):
        for _ in range(warm):
            ask(client, random, pictures, ids)
        before = memory(process.pid)
        for _ in range(10):
            for _ in range(count // 10):
                ask(client, random, pictures, ids)
            yield memory(process.pid) - before


def test_memory_stays_as_it_is(own_index: Path, tmp_path: Path) -> None:
    assert max(grown(own_index, tmp_path, 100, 150)) < MOST_GROWTH


@pytest.mark.soak
def test_memory_stays_as_it_is_over_ten_thousand_requests(
    own_index: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found = list(grown(own_index, tmp_path, 1000, 10_000))
    said = ", ".join(f"{size / MIB:+.1f}" for size in found)
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    reporter.write_line(f"\nMiB beyond those after 1000 requests, each further 1000: {said}")
    assert max(found) < MOST_GROWTH
