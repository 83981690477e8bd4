"""The process that decodes: `python -m acir.pacs.child MEMORY BYTES SECONDS`.

`acir.pacs.guard` starts it. It reads one file after another from the memory that it shares with its
parent and answers on what was its standard output, until its input ends. Whatever a file does to
it, its parent lives.
"""

import gc
import os
import resource
import signal
import sys

import numpy as np

from acir.errors import UnreadableImageError, UsageError
from acir.pacs.reader import DicomPicture, locate, read
from acir.pacs.wire import Answer, Message, line, put, read_line, said_of

EXHAUSTED = "decoding it takes more memory than a file may have"
PANICKED = "its content made the decoder give up"


def main(memory: int, most_bytes: int, seconds: float) -> None:
    """Answer until the input ends, or until the process is no longer fit to.

    Args:
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
        found, spent = _found(os.pread(memory, request["size"], 0), request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if isinstance(found, DicomPicture):
            pixels = np.ascontiguousarray(found.picture.pixels)
            put(memory, pixels.reshape(-1).view(np.uint8).data)
        os.write(answers, line({**said_of(found), "spent": spent}))
        if spent:
            return


def _own_output() -> int:
    """Keep the standard output for answers alone: decoders in C write to it as they like."""
    own, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return own


def _found(data: bytes, request: Message) -> tuple[Answer, bool]:
    """Read a file; the second value tells that this process should read no other."""
    name = request["name"]
    try:
        key = bytes.fromhex(request["key"])
        if request["wanted"] == "place":
            return locate(data, key, name), False
        return read(data, key, name, request["label"], request["frame"]), False
    except (UnreadableImageError, UsageError) as error:
        return error, False
    except MemoryError:
        return UnreadableImageError(name, EXHAUSTED), True
    # A panic of a decoder written in Rust is no Exception.
    except BaseException:
        return UnreadableImageError(name, PANICKED), True


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
