"""The half of a worker that may die: it answers on what was its standard output.

It reads one request after another until its input ends. Whatever a file does to it, its parent
lives.
"""

import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Shaped

from acir.disposable.messages import Message, line, put, read_line, said_of_refusal
from acir.errors import UnreadableImageError, UsageError

EXHAUSTED = "decoding it takes more memory than a file may have"
PANICKED = "its content made the decoder give up"

Body = Shaped[np.ndarray, "..."] | bytes | None
Said = tuple[dict[str, Any], Body]
Work = Callable[[bytes, Message], Said]


def serve(work: Work, memory: int, most_bytes: int, seconds: float) -> None:
    """Answer until the input ends, or until the process is no longer fit to.

    Args:
        work: Given a file and a request, what to answer, and the pixels or the file that belong to
            it.
        memory: Descriptor of the shared memory.
        most_bytes: Bounds the address space.
        seconds: After these a file ends this process, even one whose parent was killed.
    """
    answers = _own_output()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()  # what was imported is never garbage
    os.write(answers, line({"kind": "ready"}))
    for text in sys.stdin.buffer:
        request = read_line(text)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        (said, body), spent = _done(work, os.pread(memory, request["size"], 0), request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        put(memory, _bytes_of(body))
        os.write(answers, line({**said, "spent": spent}))
        if spent:
            return


def _own_output() -> int:
    """Keep the standard output for answers alone: decoders in C write to it as they like."""
    own, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return own


def _bytes_of(body: Body) -> bytes | memoryview:
    if isinstance(body, np.ndarray):
        return np.ascontiguousarray(body).reshape(-1).view(np.uint8).data
    return body or b""


def _done(work: Work, data: bytes, request: Message) -> tuple[Said, bool]:
    """Do the work; the second value tells that this process should do no other."""
    name = request["name"]
    try:
        return work(data, request), False
    except (UnreadableImageError, UsageError) as error:
        return (said_of_refusal(error), None), False
    except MemoryError:
        return (said_of_refusal(UnreadableImageError(name, EXHAUSTED)), None), True
    # A panic of a decoder written in Rust is no Exception.
    except BaseException:
        return (said_of_refusal(UnreadableImageError(name, PANICKED)), None), True
