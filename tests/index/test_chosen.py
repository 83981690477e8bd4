"""An engine is chosen in one line, kept without secrets and built from what was kept."""

from pathlib import Path

import numpy as np
import pytest

from acir.errors import BusyError, ComponentError, StoreError, UsageError
from acir.index.chosen import LOCK, Choice, build, choose
from acir.index.database import Database
from acir.index.engines.flat import Flat
from acir.index.gallery import Gallery

GALLERY = Gallery(np.arange(3), np.zeros((3, 8), dtype=np.uint8))


def test_a_name_is_kept_as_it_is() -> None:
    assert choose("flat") == Choice("flat", {})


def test_an_address_chooses_the_engine_of_its_scheme_and_a_fresh_collection() -> None:
    first, second = (choose("postgresql://db.example/codes?sslmode=require") for _ in range(2))
    assert first.engine == "pgvector"
    assert first.settings["server"] == "postgresql://db.example/codes?sslmode=require"
    assert first.settings["collection"].startswith("acir_")
    assert first.settings["collection"] != second.settings["collection"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pgvector", r"engine pgvector is a server; .*: milvus://HOST or postgresql://HOST"),
        ("postgres://host", r"begin with postgres://; use .* Did you mean 'postgresql'\?"),
        ("postgresql://me:word@host/db", r"holds a password, .* leave it out and set PGPASSWORD"),
        ("postgresql:///db?password=word", r"address of the server holds password, expected host"),
        ("milvus://me@host", r"holds a password, .* set MILVUS_USER and MILVUS_PASSWORD"),
        ("milvus://host?token=word", r"server holds token, expected nothing after the question"),
    ],
)
def test_what_cannot_be_kept_is_refused_without_being_repeated(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        choose(text)
    assert "word@" not in str(caught.value)
    assert "=word" not in str(caught.value)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ComponentError, match=r"has no 'fais'; it has .* Did you mean 'faiss'\?"):
        choose("fais")


def test_a_missing_client_library_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pymilvus", None)
    with pytest.raises(ComponentError, match=r"needs 'pymilvus', .* pip install 'acir\[milvus\]'"):
        choose("milvus://host")


def test_an_engine_in_memory_is_built_of_the_codes(tmp_path: Path) -> None:
    engine = build(Choice("flat"), GALLERY, tmp_path)
    assert isinstance(engine, Flat)
    assert not (tmp_path / LOCK).exists()


def test_an_index_that_forgot_its_server_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"damaged: it does not say where its server is"):
        build(Choice("pgvector", {"server": "postgresql:///db"}), GALLERY, tmp_path)


def test_one_process_at_a_time_changes_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.index.database.PATIENCE", 0.05)
    other = Database(tmp_path, name=LOCK)
    choice = Choice("pgvector", {"server": "postgresql:///db", "collection": "acir_1"})
    with other.transaction(), pytest.raises(BusyError, match="another process has been writing"):
        build(choice, GALLERY, tmp_path)
    other.close()
