"""A server that is killed: nothing that it acknowledged is lost, and its log stays whole."""

import os
import signal
from pathlib import Path
from time import monotonic, sleep

from acir.governance.audit import AuditLog
from acir.governance.verification import problems
from acir.index.store import Store
from made_model import draw
from made_process import started
from made_web import people, png


def test_killed_amid_uploads_and_searches_it_keeps_its_word(own_index: Path) -> None:
    curator = people(own_index)["curator"]
    with Store.open(own_index) as store:
        before = int(store.info()["n"])
    jobs, answered = list[str](), 0
    with started(own_index, curator) as (client, process):
        for number in range(4):
            files = {"image": png(draw("disc", 750 + number))}
            jobs.append(client.post("/api/v1/pictures", files=files).json()["id"])
            answered += client.post("/api/v1/search", files=files).status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with started(own_index, curator) as (client, process):
        end = monotonic() + 60
        while (own_index / "uploads").is_dir() and any((own_index / "uploads").iterdir()):
            assert monotonic() < end, "the jobs were not done in a minute"
            sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGTERM}
    with Store.open(own_index) as store:
        assert store.verify() == []
        assert store.info()["n"] == before + len(jobs)
    with AuditLog.open(own_index) as log:
        assert problems(log) == []
        actions = [record.event.action for record in log.records()]
    assert actions.count("search") >= answered == 4
    assert actions.count("start") == 2
    assert actions.count("stop") == 1
