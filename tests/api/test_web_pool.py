"""A bounded queue that is fair between callers."""

import asyncio
import gc
from collections.abc import Callable
from threading import Event

import pytest

from acir.api.pool import FullError, LateError, Pool


class Work:
    """Blocks until it is let go, and notes in which order it was begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = Event()

    def named(self, name: str) -> Callable[[], str]:
        def work() -> str:
            self.begun.append(name)
            assert self.go.wait(10)
            return name

        return work


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_callers_take_turns() -> None:
    async def scene() -> list[str]:
        pool, work = Pool(workers=1, waiting=10, seconds=10.0), Work()
        names = ("a1", "a2", "a3", "a4", "b1", "c1", "b2")
        tasks = []
        for name in names:
            tasks.append(asyncio.create_task(pool.run(name[0], work.named(name))))
            await settled()
        assert pool.waiting == 6
        work.go.set()
        assert await asyncio.gather(*tasks) == list(names)
        assert pool.waiting == 0
        pool.close()
        return work.begun

    assert asyncio.run(scene()) == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


def test_one_more_than_may_wait_is_refused_at_once() -> None:
    async def scene() -> None:
        pool, work = Pool(workers=2, waiting=1, seconds=10.0), Work()
        tasks = [asyncio.create_task(pool.run("a", work.named(str(n)))) for n in range(3)]
        await settled()
        with pytest.raises(FullError, match="too many requests are waiting; ask again in a moment"):
            await pool.run("b", work.named("late"))
        work.go.set()
        assert await asyncio.gather(*tasks) == ["0", "1", "2"]
        assert await pool.run("b", work.named("now")) == "now"
        pool.close()

    asyncio.run(scene())


def test_what_takes_too_long_is_told_and_frees_its_thread_when_it_ends() -> None:
    async def scene() -> None:
        pool, work = Pool(workers=1, waiting=5, seconds=0.05), Work()
        for name in ("runs", "waits"):
            with pytest.raises(LateError, match="the answer took too long; ask again later"):
                await pool.run("a", work.named(name))
        assert pool.waiting == 0
        work.go.set()
        while work.begun != ["runs", "next"]:
            try:
                await pool.run("a", work.named("next"))
            except LateError:
                continue
        pool.close()

    asyncio.run(scene())


def test_an_error_of_the_work_is_the_callers_and_frees_the_thread() -> None:
    async def scene() -> None:
        pool = Pool(workers=1, waiting=0, seconds=10.0)

        def fails() -> None:
            raise ValueError("of the work")

        for _ in range(3):
            with pytest.raises(ValueError, match="of the work"):
                await pool.run("a", fails)
        pool.close()

    asyncio.run(scene())


def test_an_error_for_which_nobody_waits_any_more_is_written_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    go = Event()

    def late() -> None:
        assert go.wait(10)
        raise RuntimeError("PATRICIA")

    async def scene() -> None:
        pool = Pool(workers=1, waiting=1, seconds=0.01)
        with pytest.raises(LateError):
            await pool.run("ada", late)
        go.set()
        pool.close()
        await settled()

    asyncio.run(scene())
    gc.collect()  # when asyncio would tell
    assert caplog.text == ""
