"""`acir pacs listen`: what a known sender stores is in the index when the sender is told so."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from acir.index.store import Store
from acir.privacy.pseudonym import load_key, pseudonym
from made_model import acir, program
from made_orthanc import slice_of, uid, uids
from made_ports import free_port

MakeDicom = Callable[..., bytes]
PATIENCE_SECONDS = 60.0


@contextmanager
def listening(config: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the listener until the end of the block, and end it as Ctrl-C does."""
    started = program("pacs", "listen", config, "--device", "cpu")
    with subprocess.Popen(**started, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("listening as ACIR at 127.0.0.1")
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=PATIENCE_SECONDS)
                assert "Traceback" not in said
                assert process.returncode == 130


def test_what_is_sent_is_stored_before_the_sender_is_told(
    tmp_path: Path, bundle: Path, make_dicom: MakeDicom, identity: tuple[str, ...]
) -> None:
    port, index = free_port(), tmp_path / "index"
    config = tmp_path / "pacs.toml"
    config.write_text(
        f'index = "index"\nmodel = "{bundle}"\n[listen]\nae_title = "ACIR"\n'
        f'calling = ["MODALITY"]\nport = {port}\ncollection = "ward"\n',
        encoding="utf-8",
    )
    entity = AE(ae_title="MODALITY")
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)

    def send(*files: bytes) -> list[int]:
        association = entity.associate("127.0.0.1", port, ae_title="ACIR")
        assert association.is_established
        said = [int(association.send_c_store(dcmread(BytesIO(file))).Status) for file in files]
        association.release()
        return said

    good = [make_dicom(slice_of(number), **uids(number)) for number in range(3)]
    bad = make_dicom(slice_of(3), PixelData=b"\0\0", **uids(3))
    ours = make_dicom(slice_of(4), Manufacturer="acir", **uids(4))
    with listening(config) as process:
        assert send(good[0], good[1], bad, good[0]) == [0, 0, 0xC000, 0]
        process.kill()  # as a power cut would: what was told is there
        process.wait()
    with listening(config):
        assert send(good[1], ours, good[2]) == [0, 0xC000, 0]
    key = load_key(index / "secret.key")
    with Store.open(index) as store, store.view() as view:
        entries = view.entries(np.arange(len(view.gallery.keys)))
    assert {e.id for e in entries} == {pseudonym(key, "instance", uid(n)) for n in range(3)}
    assert {e.metadata["collection"] for e in entries} == {"ward"}
    log = config.with_suffix(".log").read_text(encoding="utf-8")
    assert "cannot read a file that was sent: the file ends before its pixels do" in log
    assert not [word for word in (*identity, uid(3)) if word in log]


@pytest.mark.parametrize("command", ["listen", "sync"])
def test_a_configuration_without_the_table_is_refused(tmp_path: Path, command: str) -> None:
    (tmp_path / "pacs.toml").write_text('index = "none"\n', encoding="utf-8")
    refusal = acir("pacs", command, tmp_path / "pacs.toml").refusal()
    assert refusal.endswith(f"add a table {'[listen]' if command == 'listen' else '[[servers]]'}")


def test_without_an_index_a_model_is_needed(tmp_path: Path) -> None:
    text = 'index = "none"\n[[servers]]\nname = "a"\nurl = "http://127.0.0.1/"\n'
    (tmp_path / "pacs.toml").write_text(text, encoding="utf-8")
    refusal = acir("pacs", "sync", tmp_path / "pacs.toml", "--once").refusal()
    assert refusal.startswith(f"there is no index at {tmp_path / 'none'}; build one with")
