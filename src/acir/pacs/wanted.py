"""What of a PACS an index takes, by the filters of its configuration."""

from hashlib import sha256

from acir.pacs.feed import Description
from acir.pacs.settings import Server

OURS = "no result of acir"  # among the terms: an index from before looks at everything again


def terms_of(server: Server) -> str:
    """Name what decides which instances are wanted and what is kept of them."""
    level = () if server.level == "instance" else (server.level,)
    parts = (
        server.modalities,
        server.sop_classes,
        server.body_parts,
        server.collection,
        OURS,
        *level,
    )
    return sha256(repr(parts).encode()).hexdigest()[:16]


def is_wanted(server: Server, found: Description) -> bool:
    """Whether a server's pictures that are like this are to be taken."""
    filters = (
        (server.modalities, found.modality),
        (server.sop_classes, found.sop_class),
        (server.body_parts, found.body_part),
    )
    wanted = found.is_picture and not found.is_ours
    return wanted and all(not some or value in some for some, value in filters)
