"""The process that decodes DICOM files: `python -m acir.pacs.child MEMORY BYTES SECONDS`.

`acir.pacs.guard` starts it.
"""

import sys

from acir.disposable.child import Said, serve
from acir.disposable.messages import Message
from acir.pacs.reader import read
from acir.pacs.wire import said_of


def answer(data: bytes, request: Message) -> Said:
    """Read a file as it is asked for."""
    key = bytes.fromhex(request["key"])
    found = read(data, key, request["name"], request["label"], request["frame"])
    return said_of(found), found.picture.pixels


if __name__ == "__main__":
    serve(answer, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
