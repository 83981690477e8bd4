"""The process that decodes DICOM files: `python -m acir.pacs.child MEMORY BYTES SECONDS`.

`acir.pacs.guard` starts it.
"""

import sys

from acir.disposable.child import Said, serve
from acir.disposable.messages import Message
from acir.pacs.levels import level
from acir.pacs.reader import locate, read
from acir.pacs.release import release
from acir.pacs.wire import said_of, said_of_level, said_of_places, said_of_release
from acir.privacy.deid import Profile


def answer(data: bytes, request: Message) -> Said:
    """Read a file, where its slices lie or which slide it is of, or remove identity from it."""
    key = bytes.fromhex(request["key"])
    if request["wanted"] == "release":
        profile = Profile(key, request["dates"], request["every_picture"])
        released = release(data, profile, request["name"])
        return said_of_release(released), released.content
    if request["wanted"] == "level":
        return said_of_level(level(data, key, request["name"], request["label"])), None
    if request["wanted"] == "place":
        return said_of_places(locate(data, key, request["name"]))
    found = read(data, key, request["name"], request["label"], request["frame"])
    return said_of(found), found.picture.pixels


if __name__ == "__main__":
    serve(answer, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
