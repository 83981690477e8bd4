"""A C-STORE sender that sends whatever bytes it is given, many on one association.

That of pynetdicom encodes data sets and so sends none that is damaged, and takes more than a
quarter of a second to begin and end an association.
"""

import socket
import struct
from collections.abc import Sequence
from io import BytesIO
from types import TracebackType

from pydicom import Dataset
from pydicom.uid import UID, CTImageStorage
from pynetdicom import build_context
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)

PATIENCE_SECONDS = 60.0
ACCEPTED, DATA = 2, 4  # kinds of packets (PS3.8 9.3)
HEAD = 6  # bytes before a part of a message: its length, context and kind
PACKET = 1 << 15  # bytes of a message in one packet
COMMAND, LAST = 1, 2  # what a packet may hold (PS3.8 annex E.2)
STORE, REQUESTED_DATA = 0x0001, 0x0000
CONTEXTS = "1.2.840.10008.3.1.1.1"  # the application context of DICOM


class Sender:
    """An association with a listener, from the beginning of a context to its end.

    Args:
        port: Of this machine.
        titles: Whose it is, and whom it calls.
        syntaxes: Transfer syntaxes that data sets may have.
    """

    def __init__(self, port: int, titles: tuple[str, str], syntaxes: Sequence[str]) -> None:
        self._place = ("127.0.0.1", port)
        self._begin = _association(*titles, syntaxes)
        self._context = {syntax: 2 * place + 1 for place, syntax in enumerate(syntaxes)}

    def __enter__(self) -> "Sender":
        """Begin the association."""
        self._socket = socket.create_connection(self._place, PATIENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(self._begin)
        kind, _ = self._packet()
        assert kind == ACCEPTED, kind
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the connection, as a sender does that is switched off."""
        self._socket.close()

    def store(self, content: bytes, syntax: str, sop_uid: str = "1.2.3") -> int:
        """Send bytes as a data set and return the status that is answered."""
        context = self._context[syntax]
        packets = [_packet(context, COMMAND | LAST, _request(sop_uid))]
        for begin in range(0, max(1, len(content)), PACKET):
            kind = LAST if begin + PACKET >= len(content) else 0
            packets.append(_packet(context, kind, content[begin : begin + PACKET]))
        self._socket.sendall(b"".join(packets))
        kind, answer = self._packet()
        assert kind == DATA, kind
        return int(decode(BytesIO(answer[HEAD:]), True, True).Status)

    def _packet(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxL", self._exactly(6))
        return kind, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            part = self._socket.recv(count - len(found))
            assert part, "the association was ended"
            found += part
        return bytes(found)


def _association(calling: str, called: str, syntaxes: Sequence[str]) -> bytes:
    asked = A_ASSOCIATE()
    asked.application_context_name = UID(CONTEXTS)
    asked.calling_ae_title, asked.called_ae_title = calling, called
    contexts = [build_context(CTImageStorage, syntax) for syntax in syntaxes]
    for place, context in enumerate(contexts):
        context.context_id = 2 * place + 1
    asked.presentation_context_definition_list = contexts
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received, implementation.implementation_class_uid = PACKET, UID("1.2.3.4")
    asked.user_information = [length, implementation]
    packet = A_ASSOCIATE_RQ()
    packet.from_primitive(asked)
    return bytes(packet.encode())


def _request(sop_uid: str) -> bytes:
    command = Dataset()
    command.AffectedSOPClassUID, command.AffectedSOPInstanceUID = CTImageStorage, sop_uid
    command.CommandField, command.CommandDataSetType = STORE, REQUESTED_DATA
    command.MessageID, command.Priority = 1, 0
    body = encode(command, is_implicit_vr=True, is_little_endian=True)
    assert body is not None
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def _packet(context: int, kind: int, body: bytes) -> bytes:
    value = struct.pack(">LBB", len(body) + 2, context, kind) + body
    return struct.pack(">BxL", DATA, len(value)) + value
