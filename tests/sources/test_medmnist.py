"""Official files: looked for, checked, and downloaded only when asked, from a server made here."""

import errno
import threading
from collections import Counter
from collections.abc import Iterator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from acir.errors import SourceError, StorageError
from acir.sources import medmnist
from acir.sources.base import SourceOptions, open_source
from acir.sources.medmnist import MedmnistSource, Official, official

REAL = Path(__file__).parents[3] / "shared" / "data"


def _file() -> bytes:
    buffer = BytesIO()
    labels = np.array([[0], [1]], dtype=np.uint8)
    np.savez(buffer, train_images=np.zeros((2, 4, 4), dtype=np.uint8), train_labels=labels)
    return buffer.getvalue()


FILE = _file()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `FILE` the official breastmnist, in a folder of our own."""
    made = {"breastmnist": Official(("malignant", "benign"), md5(FILE).hexdigest())}
    monkeypatch.setattr(medmnist, "official", lambda: made)
    monkeypatch.setenv("MEDMNIST_ROOT", str(tmp_path / "medmnist"))
    return tmp_path / "medmnist"


class _Server:
    def __init__(self) -> None:
        self.body, self.asked, self.status = FILE, list[str](), 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(FILE)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    made = _Server()
    thread = threading.Thread(target=made.http.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(MedmnistSource, "mirror", f"http://127.0.0.1:{made.http.server_port}/files")
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def _labels(download: bool = False) -> list[tuple[str, ...]]:
    source = open_source("medmnist:breastmnist", SourceOptions(download=download))
    return [record.labels for record in source]


def test_the_file_in_its_folder_is_read_with_its_class_names(root: Path) -> None:
    root.mkdir()
    (root / "breastmnist.npz").write_bytes(FILE)
    assert _labels() == [("malignant",), ("benign",)]


def test_the_usual_folder_is_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDMNIST_ROOT")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".medmnist").mkdir()
    (tmp_path / ".medmnist" / "breastmnist.npz").write_bytes(FILE)
    assert len(_labels()) == 2


def test_an_altered_file_is_refused(root: Path) -> None:
    root.mkdir()
    (root / "breastmnist.npz").write_bytes(FILE[:-1])
    with pytest.raises(SourceError, match=r"breastmnist.npz is not the official file: .* with the"):
        _labels(download=True)


def test_without_leave_nothing_is_downloaded(server: _Server, root: Path) -> None:
    with pytest.raises(SourceError, match=r"medmnist:breastmnist is not at .*; add --download, or"):
        _labels()
    assert server.asked == []
    assert not root.exists()


def test_with_leave_the_file_is_downloaded_once(server: _Server, root: Path) -> None:
    for _ in range(2):
        assert _labels(download=True) == [("malignant",), ("benign",)]
    assert server.asked == ["/files/breastmnist.npz"]
    assert [path.name for path in root.iterdir()] == ["breastmnist.npz"]


def test_opening_asks_nothing_of_the_network(server: _Server) -> None:
    open_source("medmnist:breastmnist", SourceOptions(download=True))
    assert server.asked == []


def test_a_wrong_download_is_not_kept(server: _Server, root: Path) -> None:
    server.body = FILE[:-3] + b"bad"
    with pytest.raises(SourceError, match=r"what http.* gave is not the official file: .* bytes"):
        _labels(download=True)
    assert list(root.iterdir()) == []


def test_two_downloads_at_once_do_not_disturb_each_other(
    server: _Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = medmnist._fetched

    def slow(url: str) -> Iterator[bytes]:
        monkeypatch.setattr(medmnist, "_fetched", fetched)
        assert _labels(download=True) == [("malignant",), ("benign",)]  # another begins and ends
        yield from fetched(url)

    monkeypatch.setattr(medmnist, "_fetched", slow)
    assert _labels(download=True) == [("malignant",), ("benign",)]
    assert len(server.asked) == 2
    assert [path.name for path in root.iterdir()] == ["breastmnist.npz"]


def test_a_server_that_refuses_is_an_error(server: _Server, root: Path) -> None:
    server.status = 503
    with pytest.raises(SourceError, match=r"cannot download http.*: HTTP Error 503.*; try again"):
        _labels(download=True)
    assert list(root.iterdir()) == []


def test_a_full_disk_is_a_storage_error(
    server: _Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match=r"cannot write .*breastmnist.npz: No space left on dev"):
        _labels(download=True)
    assert list(root.iterdir()) == []


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(SourceError, match=r"no medmnist:brestmnist; .*Did you mean 'breastmnist'"):
        open_source("medmnist:brestmnist")


def test_the_table_has_every_flat_set_in_four_sizes() -> None:
    known = official()
    assert len(known) == 12 * 4
    assert len({file.md5 for file in known.values()}) == 48
    assert known["chestmnist_224"].classes[13] == "hernia"
    assert {len(file.md5) for file in known.values()} == {32}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        # Yang et al. 2023, table 2: train, val and test
        ("breastmnist", (546, 78, 156)),
        ("pneumoniamnist", (4708, 524, 624)),
    ],
)
@pytest.mark.skipif(not REAL.is_dir(), reason="shared/data is not at hand")
def test_the_real_files_are_the_official_ones(
    monkeypatch: pytest.MonkeyPatch, name: str, counts: tuple[int, ...]
) -> None:
    monkeypatch.setattr(medmnist, "official", official)
    monkeypatch.setenv("MEDMNIST_ROOT", str(REAL))
    found = Counter(record.split for record in open_source(f"medmnist:{name}"))
    assert (found["train"], found["val"], found["test"]) == counts
