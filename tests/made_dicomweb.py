"""A server on this machine that answers what a test says, and remembers what it was asked."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from acir.pacs.enhanced import FRAMES, GROUPS, INDICES
from acir.pacs.place import KEYWORDS


@dataclass(frozen=True)
class Answer:
    """What a server answers; `body` may come in parts."""

    body: bytes | Iterator[bytes] = b""
    kind: str = "application/dicom+json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request: its path with the query, and its headers."""

    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Made:
    """A server that runs."""

    port: int
    asked: list[Asked]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serve(answer: Callable[[Asked], Answer]) -> Iterator[Made]:
    """Answer on a free port until the end of the block."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            request = Asked(self.path, dict(self.headers))
            asked.append(request)
            found = answer(request)
            whole = found.body if isinstance(found.body, bytes) else None
            self.send_response(found.status)
            self.send_header("Content-Type", found.kind)
            for key, value in found.headers.items():
                self.send_header(key, value)
            if whole is not None:
                self.send_header("Content-Length", str(len(whole)))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            try:
                for part in [whole] if whole is not None else found.body:
                    self.wfile.write(part)  # type: ignore[arg-type]
            except OSError:  # the client had enough
                self.close_connection = True

        def log_message(self, *given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Made(server.server_port, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def dicomweb(instances: Mapping[str, bytes]) -> Callable[[Asked], Answer]:
    """Answer QIDO-RS and WADO-RS for instances by `study/series/instance`."""

    def answer(asked: Asked) -> Answer:
        place = urlsplit(asked.path)
        query = {key: values[0] for key, values in parse_qs(place.query).items()}
        if place.path == "/instances":
            start = int(query.get("offset", "0"))
            page = list(instances)[start : start + int(query.get("limit", "1000"))]
            return Answer(json.dumps([row(handle) for handle in page]).encode())
        words = place.path.strip("/").removesuffix("/metadata").split("/")
        handle = "/".join(words[1:6:2])
        below = [one for one in instances if f"{one}/".startswith(f"{handle}/")]
        if not below:
            return Answer(status=404)
        if place.path.endswith("/metadata"):
            rows = [row(one, **placed(instances[one])) for one in below]
            return Answer(json.dumps(rows).encode())
        return multipart(instances[handle])

    return answer


def multipart(data: bytes) -> Answer:
    body = b"\r\n--xyz\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--xyz--\r\n"
    return Answer(body, 'multipart/related; type="application/dicom"; boundary=xyz')


def placed(file: bytes) -> dict[str, object]:
    """Return what a DICOM file says of where it lies, as the DICOM JSON model has it."""
    try:
        found = dcmread(BytesIO(file), stop_before_pixels=True)
    except InvalidDicomError:
        return {}
    return {
        f"{found[keyword].tag:08X}": json.loads(found[keyword].to_json())
        for keyword in (*KEYWORDS, FRAMES, *GROUPS, INDICES)
        if keyword in found
    }


def row(handle: str, **more: object) -> dict[str, object]:
    study, series, instance = handle.split("/")
    return {
        "0020000D": {"vr": "UI", "Value": [study]},
        "0020000E": {"vr": "UI", "Value": [series]},
        "00080018": {"vr": "UI", "Value": [instance]},
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00280010": {"vr": "US", "Value": [32]},
        **more,
    }
