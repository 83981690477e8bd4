"""How `acir serve` is to run."""

from pathlib import Path

import pytest

from acir.errors import RecipeError, UsageError
from acir.workflows.serving.settings import ServerTable, load_settings

TEXT = """
index = "from-the-file"
[server]
host = "10.0.0.1"
port = 9000
[limits]
views = 5
"""


def test_an_option_replaces_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(TEXT, encoding="utf-8")
    found = load_settings(path, host=None, port=None)
    assert (found.index, found.server.host, found.server.port) == (
        "from-the-file",
        "10.0.0.1",
        9000,
    )
    assert found.limits.views == 5
    found = load_settings(path, index=Path("other"), host="127.0.0.1", port=1)
    assert (found.index, found.server.host, found.server.port) == ("other", "127.0.0.1", 1)


def test_a_registry_and_a_folder_of_deid_are_named(tmp_path: Path) -> None:
    path = tmp_path / "serve.toml"
    text = 'index = "x"\n[models]\nregistry = "models"\n[deid]\nout = "released"\n'
    path.write_text(text, encoding="utf-8")
    found = load_settings(path, host=None, port=None)
    assert found.models is not None
    assert found.deid is not None
    assert (found.models.registry, found.deid.out) == ("models", "released")


def test_nothing_to_serve_is_told() -> None:
    with pytest.raises(UsageError, match="nothing to serve; give the folder of an index with --in"):
        load_settings(None, host=None, port=None)


def test_a_pacs_is_reached_as_one_that_an_index_follows(tmp_path: Path) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(f'{TEXT}\n[pacs]\nname = "main"\nurl = "https://pacs/"\n', encoding="utf-8")
    found = load_settings(path, host=None, port=None).pacs
    assert found is not None
    assert (found.name, found.url, found.max_mib) == ("main", "https://pacs/", 512)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nhots = 'x'", "unknown configuration key 'server.hots'.*Did you mean 'host'"),
        ("[server]\nport = 70000", "configuration key server.port is 70000, expected at least 1"),
        ("[limits]\nviews = 'x'", "configuration key limits.views is 'x', expected a value of"),
        ("[models]", "configuration key models.registry is missing; add it"),
        ("[pacs]\nname = 'a'", "configuration key pacs.url is missing; add it"),
        ("[pacs]\nmodalities = []", "unknown configuration key 'pacs.modalities'"),
        ("index = ", "is not valid TOML"),
    ],
)
def test_a_wrong_configuration_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        load_settings(path, host=None, port=None)


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no configuration at .*nothing\.toml; give a"):
        load_settings(tmp_path / "nothing.toml", host=None, port=None)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("hospital.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert ServerTable(host=host).is_loopback is loopback
    assert bool(ServerTable(host=host).called) is loopback


def test_encryption_needs_certificate_and_key_or_a_proxy() -> None:
    assert not ServerTable(certificate="a").is_encrypted
    assert ServerTable(certificate="a", private_key="b").is_encrypted
    assert ServerTable(proxies=("10.0.0.2",)).is_encrypted
