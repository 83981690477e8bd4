"""How a server of an index answers one person, and fifty at once.

    python benchmarks/serve_load.py INDEX PICTURES --out benchmarks/results/serve_load.json

A copy of the index is served by `acir serve` at a free port of this machine; requests go nowhere
else, and the server is stopped at the end. First one person: a search by the library itself, by the
API and by the page (give a picture, follow to the answer), in interleaved rounds; the overhead is
the difference of the medians. Then `--users` people at once, each asking `--searches` times without
a pause. Then `--steady` further searches, during which the server's memory is read: it grows until
the pictures that are being looked at take what `kept_mb` allows, and no further.
"""

import argparse
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import mean, median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import httpx2

from acir.bench.conditions import conditions
from acir.governance.access import EVERYWHERE
from acir.governance.audit import Actor, AuditLog
from acir.governance.people import People
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault
from acir.workflows.search import open_index

PASSWORD = "only for this measurement"
WARM_UP = 5
READINGS = 10
START_S = 120


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("index", type=Path)
    parser.add_argument("pictures", type=Path, help="folder of PNG files to ask with")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--searches", type=int, default=10)
    parser.add_argument("--steady", type=int, default=10_000)
    given = parser.parse_args()
    pictures = [path.read_bytes() for path in sorted(given.pictures.rglob("*.png"))[::7]]
    with TemporaryDirectory() as place:
        index = Path(shutil.copytree(given.index, Path(place) / "index"))
        tokens = _people(index, given.users)
        with _served(index) as (address, process):
            found: dict[str, Any] = {
                "conditions": conditions(),
                "one": _one(index, address, tokens[0], pictures, given.rounds),
                "page_bytes": _page_bytes(address),
            }
            unloaded = found["one"]["api_ms"]["median"]
            found["many"] = _many(address, tokens, pictures, given.searches, unloaded)
            found["memory"] = _memory(address, tokens, pictures, given.steady, process.pid)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def _people(index: Path, count: int) -> list[str]:
    by, tokens = Actor("benchmark"), []
    with AuditLog.create(index) as log, Vault(index, log) as vault:
        people, sessions = People(vault), Sessions(vault)
        for number in range(count):
            name = f"user{number}"
            people.add(name, PASSWORD if number == 0 else None, by)
            people.grant(name, "viewer", EVERYWHERE, by)
            tokens.append(sessions.make_token(name, "load", by, verbs=["search", "view"])[1])
    return tokens


@contextmanager
def _served(index: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    acir = str(Path(sys.executable).with_name("acir"))
    command = [acir, "serve", "--index", str(index), "--port", str(port)]
    with (index.parent / "server.log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, text=True)
        try:
            _await(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _await(address: str) -> None:
    for _ in range(10 * START_S):
        try:
            httpx2.get(address)
        except httpx2.TransportError:
            sleep(0.1)
        else:
            return
    raise TimeoutError(f"nothing answered at {address} within {START_S} seconds")


def _one(
    index: Path, address: str, token: str, pictures: Sequence[bytes], rounds: int
) -> dict[str, Any]:
    """Time one search each by the library, the API and the page, round by round."""
    seconds: dict[str, list[float]] = {"library": [], "api": [], "page": []}
    place = index.parent / "asked.png"
    with open_index(index) as searcher, _api(address, token) as api, _page(address) as (page, form):
        for number, picture in enumerate(islice(cycle(pictures), WARM_UP + rounds)):
            place.write_bytes(picture)
            timed: dict[str, Callable[[], object]] = {
                "library": partial(searcher.search, place, per="patient"),
                "api": partial(_search, api, picture),
                "page": partial(_give, page, form, picture),
            }
            for name, call in timed.items():
                begun = perf_counter()
                call()
                if number >= WARM_UP:
                    seconds[name].append(perf_counter() - begun)
    found: dict[str, Any] = {f"{name}_ms": _described(times) for name, times in seconds.items()}
    base = found["library_ms"]["median"]
    for name in ("api", "page"):
        found[f"{name}_overhead_ms"] = round(found[f"{name}_ms"]["median"] - base, 2)
    return found


def _many(
    address: str, tokens: Sequence[str], pictures: Sequence[bytes], searches: int, unloaded: float
) -> dict[str, Any]:
    """Let everybody ask at once, again and again."""

    def user(number: int) -> list[tuple[int, float]]:
        times = []
        with _api(address, tokens[number]) as api:
            for picture in islice(cycle(pictures), number, number + searches):
                begun = perf_counter()
                status = _search(api, picture)
                times.append((status, perf_counter() - begun))
        return times

    begun = perf_counter()
    with ThreadPoolExecutor(len(tokens)) as threads:
        found = list(threads.map(user, range(len(tokens))))
    took = perf_counter() - begun
    every = [seconds for times in found for _, seconds in times]
    means = [1000 * mean(seconds for _, seconds in times) for times in found]
    described = _described(every)
    return {
        "users": len(tokens),
        "searches": len(every),
        "errors": sum(status != httpx2.codes.OK for times in found for status, _ in times),
        "searches_per_second": round(len(every) / took, 1),
        "ms": described,
        "mean_ms_of_the_quickest_user": round(min(means), 1),
        "mean_ms_of_the_slowest_user": round(max(means), 1),
        "p99_over_unloaded_median_times_users": round(
            described["p99"] / (unloaded * len(tokens)), 3
        ),
    }


def _memory(
    address: str, tokens: Sequence[str], pictures: Sequence[bytes], count: int, process: int
) -> dict[str, Any]:
    """Read the memory of the server before, during and after further searches."""
    found = [_resident_mb(process)]
    with ExitStack() as opened:
        users = [opened.enter_context(_api(address, token)) for token in tokens[:4]]
        for _ in range(READINGS):
            with ThreadPoolExecutor(len(users)) as threads:
                asked = islice(cycle(pictures), count // READINGS)
                list(threads.map(_search, cycle(users), asked))
            found.append(_resident_mb(process))
    return {"searches": count, "resident_mb": found}


def _search(api: httpx2.Client, picture: bytes) -> int:
    answer = api.post("/api/v1/search", files={"image": picture}, params={"per": "patient"})
    return answer.status_code


def _give(page: httpx2.Client, form: str, picture: bytes) -> None:
    answer = page.post("/ask", files={"image": picture}, data={"csrf": form})
    answer.raise_for_status()


def _api(address: str, token: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.Client(base_url=address, headers=headers, timeout=120)


@contextmanager
def _page(address: str) -> Iterator[tuple[httpx2.Client, str]]:
    with httpx2.Client(base_url=address, follow_redirects=True, timeout=120) as page:
        page.post("/login", data={"name": "user0", "password": PASSWORD}).raise_for_status()
        yield page, page.get("/").text.partition('name="csrf" value="')[2].partition('"')[0]


def _page_bytes(address: str) -> int:
    """Count the bytes of the first page with all that it loads."""
    with _page(address) as (page, _):
        html = page.get("/").text
        linked = set(re.findall(r'(?:src|href)="(/(?:static|thumbnail)[^"]*)"', html))
        parts = [len(page.get(one.replace("&amp;", "&")).content) for one in linked]
    return len(html.encode()) + sum(parts)


def _resident_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return round(int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024, 1)


def _described(seconds: Sequence[float]) -> dict[str, float]:
    cuts = quantiles([1000 * one for one in seconds], n=100)
    return {"median": round(median(1000 * one for one in seconds), 2), "p99": round(cuts[98], 2)}


if __name__ == "__main__":
    main()
