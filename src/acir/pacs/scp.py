"""A C-STORE listener (PS3.4 annex B) that known callers may send to, within limits.

pynetdicom reads what a peer announces, however much, and for as long as the peer likes. Here one
packet and one message have a size, a packet has a time, and connections beyond the allowed number
are closed before anything is read of them.
"""

import socket
import ssl
from collections.abc import Callable
from enum import IntEnum
from socketserver import BaseServer
from threading import Thread
from time import monotonic
from typing import Any, cast

from pydicom.uid import UID

from acir.errors import ComponentError, PacsError, UsageError
from acir.pacs.codecs import CODECS, NATIVE
from acir.pacs.settings import Listen

try:
    from pynetdicom import AE, AllStoragePresentationContexts, evt
    from pynetdicom.transport import RequestHandler, ThreadedAssociationServer
except ModuleNotFoundError as error:
    raise ComponentError(
        "a C-STORE listener needs 'pynetdicom', which is not installed. Install it with: "
        "pip install 'acir[pacs]'"
    ) from error

MIB = 1 << 20
VERIFICATION = "1.2.840.10008.1.1"  # C-ECHO
PACKET = 1 << 18  # bytes that one packet may have; what we announce is a quarter of it
ANNOUNCED = 1 << 16
CHUNK = 1 << 16
LONGEST_TITLE = 16
IDLE = 60.0  # seconds that an association may pause between two messages
POLL = 0.1  # seconds that ending may take
UNRECOGNISED = "Evt19"  # in the state machine of PS3.8 9.2: leads to an abort


class Status(IntEnum):
    """What a caller is told (PS3.4 table B.2-1)."""

    STORED = 0x0000
    CANNOT_UNDERSTAND = 0xC000
    OUT_OF_RESOURCES = 0xA700


class Listener:
    """Listens from the beginning of a context to its end.

    Args:
        settings: What is accepted.
        receive: Takes a file and says what came of it; called by several threads at once.

    Raises:
        UsageError: The titles or the certificates cannot be used.
        PacsError: The port cannot be listened at.
    """

    def __init__(self, settings: Listen, receive: Callable[[bytes], Status]) -> None:
        self._settings, self._receive = settings, receive
        _check_titles(settings)
        self._entity = AE(ae_title=settings.ae_title)
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = list(settings.calling)
        self._entity.maximum_associations = settings.max_associations
        self._entity.maximum_pdu_size = ANNOUNCED
        self._entity.acse_timeout = settings.timeout_seconds
        self._entity.dimse_timeout = self._entity.network_timeout = IDLE
        syntaxes: list[UID] = [*NATIVE, *CODECS]
        self._entity.add_supported_context(VERIFICATION)
        for context in AllStoragePresentationContexts:
            self._entity.add_supported_context(str(context.abstract_syntax), syntaxes)
        self._tls = _tls(settings)
        self._server: Any = None

    def __enter__(self) -> "Listener":
        """Begin to listen."""
        place = (self._settings.host, self._settings.port)
        try:
            self._server = self._entity.make_server(
                place,
                ssl_context=self._tls,
                evt_handlers=[(evt.EVT_C_STORE, self._store)],
                server_class=_Server,
                request_handler=_handler(self._settings),
            )
        except OSError as error:
            raise PacsError(
                f"cannot listen at {place[0]}, port {place[1]} ({error.strerror}); choose another "
                "with the keys host and port"
            ) from error
        Thread(target=self._server.serve_forever, args=(POLL,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all associations and the listening."""
        self._server.stop()
        for association in self._entity.active_associations:
            association.abort()

    def _store(self, event: Any) -> int:  # noqa: ANN401 - parts that pynetdicom keeps to itself
        status = self._receive(event.encoded_dataset())
        event.assoc.dul._idle_timer.restart()  # the caller was not idle: it waited for us
        return int(status)


class _Server(ThreadedAssociationServer):
    """Closes connections beyond the allowed number, and lets no caller hold up the others."""

    daemon_threads = True
    request_queue_size = 128  # else a flood keeps good callers out before they are seen

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; what TLS says first is heard in a thread of its own."""
        client, address = cast(socket.socket, self.socket).accept()
        client.settimeout(self.ae.acse_timeout)
        return client, address

    def verify_request(self, request: object, client_address: object) -> bool:
        """Whether there is room for one more."""
        return len(self.ae.active_associations) < self.ae.maximum_associations

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the base
        """Begin an association, encrypted where that is asked for."""
        try:
            if self.ssl_context:
                request = self.ssl_context.wrap_socket(request, server_side=True)
        except OSError:  # no TLS, or no certificate that counts
            self.shutdown_request(request)
            return
        super().process_request_thread(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: it could quote what came."""

    def stop(self) -> None:
        """Stop listening."""
        BaseServer.shutdown(self)
        self.server_close()


class _Guard:
    """What an association may send.

    Args:
        association: Of pynetdicom.
        settings: The limits.
    """

    def __init__(self, association: Any, settings: Listen) -> None:  # noqa: ANN401 - parts that pynetdicom keeps to itself
        self._queue = association.dul.event_queue
        self._socket, self._dimse = association.dul.socket, association.dimse
        self._seconds, self._most = settings.timeout_seconds, settings.max_mib * MIB
        self._take = self._dimse.receive_primitive
        self._size = 0

    def recv(self, size: int) -> bytearray:
        """Read exactly so many bytes, fewer at the end of the connection.

        Raises:
            OSError: They are too many, or do not come in time; the connection is closed then.
        """
        if size > PACKET:
            raise OSError(f"a packet of {size} bytes was announced")
        content, end = bytearray(), monotonic() + self._seconds
        while len(content) < size:
            self._socket.socket.settimeout(max(end - monotonic(), 0.001))
            part = self._socket.socket.recv(min(CHUNK, size - len(content)))
            if not part:
                break
            content += part
        return content

    def receive_primitive(self, primitive: Any) -> None:  # noqa: ANN401 - parts that pynetdicom keeps to itself
        """Take a part of a message; end the association where it is too much or makes no sense."""
        self._size += sum(len(data) for _, data in primitive.presentation_data_value_list)
        try:
            if self._size > self._most:
                raise ValueError(f"a message has more than {self._most} bytes")
            self._take(primitive)
        except Exception:  # of pydicom, which raises nearly anything and quotes what it met
            self._queue.put(UNRECOGNISED)
        if self._dimse.message is None:
            self._size = 0


def _handler(settings: Listen) -> type[RequestHandler]:
    class Handler(RequestHandler):
        """Puts a guard before each association."""

        def _create_association(self) -> Any:  # noqa: ANN401 - as in the base
            association: Any = super()._create_association()
            guard = _Guard(association, settings)
            association.dul.socket.recv = guard.recv
            association.dimse.receive_primitive = guard.receive_primitive
            return association

    return Handler


def _check_titles(settings: Listen) -> None:
    for title in (settings.ae_title, *settings.calling):
        if not 0 < len(title.strip()) <= LONGEST_TITLE or not title.isascii() or "\\" in title:
            raise UsageError(
                f"{title!r} is no AE title; expected 1 to {LONGEST_TITLE} letters and digits"
            )
    if not settings.calling:
        raise UsageError(
            "the configuration names no AE title that may call; add some to the key listen.calling"
        )


def _tls(settings: Listen) -> ssl.SSLContext | None:
    if not settings.certificate:
        if settings.private_key or settings.ca_file:
            raise UsageError(
                "the key listen.certificate is missing; without it nothing is encrypted"
            )
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.private_key or None)
        if settings.ca_file:
            context.load_verify_locations(settings.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise UsageError(
            "the certificates of the table listen cannot be read; give PEM files, and the key of "
            "the certificate as private_key"
        ) from error
    return context
