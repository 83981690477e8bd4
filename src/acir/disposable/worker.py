"""A child process that decodes what may end it: bounded in memory and time."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar, cast

from acir.disposable.messages import (
    BrokenWireError,
    Message,
    line,
    put,
    receive_line,
    refusal_of,
    shared_memory,
)
from acir.errors import GuardError, UnreadableImageError

START_SECONDS = 60.0
END_SECONDS = 1.0
KEPT_BYTES = 64 * 2**20  # of the shared memory, from one file to the next
ROOT = Path(__file__).parents[2]

Result = TypeVar("Result")


class Worker:
    """One child, the pipes to it and the memory that it shares.

    Args:
        module: What the child runs: a module that calls `acir.disposable.child.serve` with the
            three numbers that it is given.
        seconds: How long one request may take.
        most_bytes: How many bytes the child may map.

    Raises:
        GuardError: The child cannot be started.
    """

    def __init__(self, module: str, seconds: float, most_bytes: int) -> None:
        self._module = module
        self._seconds = seconds
        self._spent = False
        self._memory = shared_memory()
        limits = map(str, (self._memory, most_bytes, 2 * seconds))
        try:
            self._process = subprocess.Popen(
                # -P: a folder that someone works in may hold a numpy.py.
                [sys.executable, "-P", "-m", module, *limits],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=(self._memory,),
                bufsize=0,
            )
        except OSError as error:  # too many processes or open files, or no memory
            os.close(self._memory)
            raise self._unstarted() from error
        self._await_ready()

    @property
    def lives(self) -> bool:
        """Whether it can be asked again."""
        return not self._spent and self._process.poll() is None

    def ask(self, request: Message, data: bytes, take: Callable[[Message, int], Result]) -> Result:
        """Have the child do its work on a file.

        Args:
            request: What is wanted; `name` is what to call the file in an error.
            data: The file.
            take: Makes the result from the answer and the shared memory.

        Raises:
            UnreadableImageError: The child says so, died, was too slow or needed too much memory.
            UsageError: The child says so.
        """
        name = str(request["name"])
        self._spent = True  # until it has answered
        try:
            put(self._memory, data)
            self._requests.write(line({"size": len(data), **request}))
            said = receive_line(self._answers.fileno(), self._seconds)
            answer = _taken(said, self._memory, name, take)
        except TimeoutError:
            raise UnreadableImageError(
                name, f"decoding it takes more than {self._seconds:g} s"
            ) from None
        except (BrokenWireError, OSError):
            raise UnreadableImageError(name, "its content made the decoder crash") from None
        self._spent = bool(said.get("spent", True))
        if os.fstat(self._memory).st_size > KEPT_BYTES:
            os.ftruncate(self._memory, 0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        """Let the child see the end of its input, and kill one that may not."""
        if self._spent:
            self._process.kill()
        self._requests.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        os.close(self._memory)

    @property
    def _requests(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdin)

    @property
    def _answers(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdout)

    def _await_ready(self) -> None:
        try:
            ready = receive_line(self._answers.fileno(), START_SECONDS).get("kind") == "ready"
        except (TimeoutError, BrokenWireError):
            ready = False
        if not ready:
            self._spent = True
            self.end()
            raise self._unstarted()

    def _unstarted(self) -> GuardError:
        return GuardError(
            "the process that decodes files does not start; to see why, run: "
            f"python -m {self._module}"
        )


def _taken(
    said: Message, memory: int, name: str, take: Callable[[Message, int], Result]
) -> Result | Exception:
    """Turn an answer into a result, or into the error that the child met.

    Raises:
        BrokenWireError: It is neither.
    """
    try:
        return refusal_of(said, name) or take(said, memory)
    # JSON may hold numbers without an end, of which no whole number can be made.
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise BrokenWireError("no answer") from None


def _environment() -> dict[str, str]:
    """Give a child what it needs to find its libraries, and no secret that its parent was given."""
    wanted = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    kept = {name: os.environ[name] for name in wanted if name in os.environ}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
