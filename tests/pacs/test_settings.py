"""The configuration of everything that speaks with a PACS."""

from pathlib import Path

import pytest

from acir.errors import RecipeError, UsageError
from acir.pacs.settings import Server, load

WHOLE = """
index = "indexes/ct"
model = "/models/ct"
[[servers]]
name = "main"
url = "https://pacs/dicom-web"
credentials_file = "secret"
modalities = ["CT"]
[[servers]]
name = "other"
url = "https://other/"
[listen]
ae_title = "ACIR"
calling = ["MODALITY"]
certificate = "cert.pem"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "pacs.toml").write_text(text, encoding="utf-8")
    return folder / "pacs.toml"


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    found = load(write(tmp_path, WHOLE))
    assert (found.index, found.model) == (str(tmp_path / "indexes/ct"), "/models/ct")
    assert found.servers[0].credentials_file == str(tmp_path / "secret")
    assert found.servers[0].modalities == ("CT",)
    assert found.servers[1].ca_file == ""
    assert found.listen is not None
    assert found.listen.certificate == str(tmp_path / "cert.pem")
    assert found.server("other").url == "https://other/"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("modalities", "modality", r"unknown configuration key 'servers.modality'.*'modalities'\?"),
        ("credentials_file", "password", "unknown configuration key 'servers.password'"),
        ('"other"\n', '"main"\n', "two servers of .* have one name"),
        ("calling", "port = 70000\ncalling", "listen.port is 70000, expected at least 1"),
        ("[[servers]]", "[[servers]", "is not valid TOML"),
        (
            'name = "other"',
            'name = "other"\nlevel = "series"',
            'the server other has level = "series", but only an Orthanc says when a series is',
        ),
        ('name = "other"', "", "configuration key servers.name is missing"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        load(write(tmp_path, WHOLE.replace(before, after, 1)))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_a_server_is_chosen_by_name_unless_it_is_alone(tmp_path: Path) -> None:
    found = load(write(tmp_path, WHOLE))
    with pytest.raises(UsageError, match=r"no server 'mian'; name one of main, other\..*'main'"):
        found.server("mian")
    with pytest.raises(UsageError, match="no server ''; name one of main, other"):
        found.server()
    alone = WHOLE.replace('[[servers]]\nname = "other"\nurl = "https://other/"\n', "")
    assert load(write(tmp_path, alone)).server().name == "main"


def test_credentials_come_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("user:pass:word\n", encoding="utf-8")
    file = str(tmp_path / "secret")
    assert Server("a", "u", credentials_file=file).authorization() == ("user", "pass:word")
    monkeypatch.setenv("SECRET", "Bearer token")
    assert Server("a", "u", credentials_env="SECRET").authorization() == "Bearer token"
    assert Server("a", "u").authorization() is None


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"credentials_env": "A", "credentials_file": "b"}, "credentials_env and credentials_file"),
        ({"credentials_env": "ACIR_NO_SUCH"}, "ACIR_NO_SUCH, which is not set"),
        ({"credentials_file": "none"}, "none, which cannot be read"),
        ({"credentials_env": "SECRET"}, "not understood; expected USER:PASSWORD"),
    ],
)
def test_credentials_that_cannot_be_used_are_said_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], sentence: str
) -> None:
    monkeypatch.setenv("SECRET", "only-a-password")
    with pytest.raises(UsageError, match=sentence) as caught:
        Server("a", "u", **keys).authorization()  # type: ignore[arg-type]
    assert "only-a-password" not in str(caught.value)
