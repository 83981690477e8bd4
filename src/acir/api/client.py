"""A client of `acir serve` for programs: each call is one request, and gives what the server says.

It sends its token to one server alone: it follows no redirect and uses no proxy of the environment.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from time import sleep
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from acir.api.reaching import certificates, checked, token
from acir.errors import ComponentError, ProblemError, ServerError, UsageError

try:
    import httpx
    from pydantic import TypeAdapter, ValidationError

    from acir.api.schemas import PREFIX, Answer, Deleted, Index, Job, Problem, Record, Verdict, Wire
except ModuleNotFoundError as error:
    raise ComponentError(
        f"the client needs {error.name!r}, which is not installed. Install it with: pip install "
        "'acir[client]'"
    ) from error

PACE_S = 0.2  # between two looks at a job
OVER = frozenset({"done", "failed"})
Picture = str | Path | bytes
"""A path, or the content of a file."""
Said = TypeVar("Said")
Wired = TypeVar("Wired", bound=Wire)


class Wish(TypedDict, total=False):
    """How a search is to be done; see `acir.search.Request`.

    Attributes:
        k: Hits wanted, from 1 to 200; 10 where nothing is said.
        radius: Largest distance in bits.
        threshold: Least similarity, in [0, 1].
        where: What a hit must have, by key.
        mode: Name of the ranker.
        per: Key of which each value has one hit, such as `patient`.
        like: Ids of hits that were right.
        unlike: Ids of hits that were wrong.
        duplicates: Whether near-duplicates are shown.
        force: Whether an unknown picture is answered too.
        risk: Chance, in (0, 1), that no hit is of the class; in place of `k`.
    """

    k: int
    radius: int
    threshold: float
    where: Mapping[str, str]
    mode: str
    per: str
    like: Sequence[str]
    unlike: Sequence[str]
    duplicates: bool
    force: bool
    risk: float


class Client(AbstractContextManager["Client"]):
    """A server, as somebody with a token sees it; close it or use it as a context.

    Threads may share it. Every call raises `ProblemError` where the server refuses, and
    `ServerError` where it does not answer.

    Args:
        address: Of the server, as `https://acir.hospital`; `http` on this machine alone.
        token_file: File with the token; else it is in the environment variable `ACIR_TOKEN`.
        ca_file: Certificates that the server's is checked against; else those of the system.
        timeout_seconds: Time that the server may be silent.

    Raises:
        UsageError: The address is none or not encrypted, or there is no token, or there are no
            certificates.
    """

    def __init__(
        self,
        address: str,
        *,
        token_file: str | Path | None = None,
        ca_file: str | Path | None = None,
        timeout_seconds: float = 60.0,
    ) -> None:
        self._http = httpx.Client(
            base_url=checked(address) + PREFIX,
            headers={"Authorization": f"Bearer {token(token_file)}"},
            verify=certificates(ca_file),
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._http.close()

    def search(self, *pictures: Picture, **wish: Unpack[Wish]) -> Answer:
        """Retrieve what is most like a picture, or like several views of one case.

        The names of files are not sent.

        Raises:
            UsageError: No picture is given, or one cannot be read.
        """
        return self._one(Answer, "POST", "/search", files=_files(pictures), params=_params(wish))

    def search_again(self, key: str, **wish: Unpack[Wish]) -> Answer:
        """Search once more by the pictures of an earlier answer, in another way."""
        return self._one(Answer, "GET", "/search", params=_params(wish) | {"key": key})

    def search_pacs(self, uid: str = "", *, orthanc: str = "", **wish: Unpack[Wish]) -> Answer:
        """Retrieve what is most like a picture, a series or a study of the server's PACS.

        Args:
            uid: Its UID.
            orthanc: What an Orthanc calls it, in place of the UID.
            wish: How to search.
        """
        named = {"uid": uid, "orthanc": orthanc}
        return self._one(Answer, "POST", "/search/pacs", json=named, params=_params(wish))

    def similar(self, id: str, **wish: Unpack[Wish]) -> Answer:
        """Retrieve what is most like a stored picture."""
        return self._one(Answer, "GET", "/similar", params=_params(wish) | {"id": id})

    def feedback(
        self,
        *,
        key: str | None = None,
        id: str | None = None,
        positive: Sequence[str] = (),
        negative: Sequence[str] = (),
        k: int = 10,
    ) -> Answer:
        """Search nearer to hits that were right and farther from those that were wrong.

        Args:
            key: Of an earlier answer; or give `id`.
            id: Of a stored picture; or give `key`.
            positive: Ids of the right ones.
            negative: Ids of the wrong ones.
            k: Hits wanted.
        """
        examples = {"positive": list(positive), "negative": list(negative)}
        said = {"key": key, "id": id, "k": k, **examples}
        return self._one(Answer, "POST", "/feedback", json=said)

    def check(self, *pictures: Picture) -> list[Verdict]:
        """Say of each picture whether it is of a kind that the model knows.

        Raises:
            UsageError: As `search`.
        """
        said = self._asked("POST", "/check", files=_files(pictures))
        return self._read(TypeAdapter(list[Verdict]).validate_json, said)

    def export(
        self,
        *,
        key: str | None = None,
        id: str | None = None,
        form: Literal["csv", "json"] = "csv",
        **wish: Unpack[Wish],
    ) -> str:
        """Return an answer as a file to keep: by the key of an earlier one, or by a stored id."""
        named = {"key": key, "id": id, "format": form}
        params = _params(wish) | {name: value for name, value in named.items() if value}
        return self._asked("GET", "/export", params=params).text

    def index(self) -> Index:
        """Describe the index, and what its pictures can be filtered by."""
        return self._one(Index, "GET", "/index")

    def collections(self) -> dict[str, int]:
        """Return the collections that you may see, with how many pictures each has."""
        return self.index().collections

    def record(self, id: str) -> Record:
        """Return what is stored of one picture."""
        return self._one(Record, "GET", "/record", params={"id": id})

    def thumbnail(self, id: str) -> bytes:
        """Return the small picture of one stored picture, as PNG."""
        return self._asked("GET", "/thumbnail", params={"id": id}).content

    def add(self, *pictures: Picture, label: str = "", collection: str = "default") -> Job:
        """Add pictures to the index; `progress` follows the job that this begins.

        Args:
            pictures: As for `search`.
            label: Class name of all of them.
            collection: Where they are to belong.

        Raises:
            UsageError: As `search`.
        """
        params = {"label": label, "collection": collection}
        return self._one(Job, "POST", "/pictures", files=_files(pictures), params=params)

    def job(self, id: str) -> Job:
        """Say how far a job is."""
        return self._one(Job, "GET", f"/jobs/{id}")

    def progress(self, id: str) -> Iterator[Job]:
        """Yield a job whenever it has changed; the last one is done or failed."""
        said = self.job(id)
        yield said
        while said.stage not in OVER:
            sleep(PACE_S)
            found = self.job(id)
            if found != said:
                said = found
                yield said

    def delete(self, id: str) -> int:
        """Delete a stored picture and return how many there were."""
        return self._one(Deleted, "DELETE", "/pictures", params={"id": id}).deleted

    def _one(self, kind: type[Wired], method: str, path: str, **sent: Any) -> Wired:  # noqa: ANN401 - as httpx takes it
        return self._read(kind.model_validate_json, self._asked(method, path, **sent))

    def _read(self, read: Callable[..., Said], response: httpx.Response) -> Said:
        try:
            # A server that is newer may say more than this client knows.
            return read(response.content, extra="ignore")
        except ValidationError:
            raise ServerError(
                f"the server at {self._http.base_url.host} does not answer as acir serve does; "
                "check its address and its version"
            ) from None

    def _asked(self, method: str, path: str, **sent: Any) -> httpx.Response:  # noqa: ANN401 - as above
        try:
            response = self._http.request(method, path, **sent)
        except httpx.HTTPError as error:
            raise ServerError(
                f"the server at {self._http.base_url.host} does not answer "
                f"({type(error).__name__}); check that it runs and that its address is right"
            ) from error
        if not response.is_success:
            raise _problem(response)
        return response


def _problem(response: httpx.Response) -> ProblemError:
    """Turn the answer to a request that failed into an error; a proxy's has no problem in it."""
    try:
        detail = Problem.model_validate_json(response.content, extra="ignore").detail
    except ValueError:
        detail = ""
    status = response.status_code
    known = status in set(HTTPStatus)
    wait = response.headers.get("Retry-After", "")
    return ProblemError(
        status,
        detail or (HTTPStatus(status).phrase if known else "no reason was given"),
        int(wait) if wait.isdecimal() else None,
    )


def _files(pictures: Sequence[Picture]) -> list[tuple[str, tuple[str, bytes]]]:
    """Read pictures, to be sent under a name that tells nothing."""
    if not pictures:
        raise UsageError("there is nothing to send; give a picture")
    return [("image", ("picture", _content(picture))) for picture in pictures]


def _content(picture: Picture) -> bytes:
    if isinstance(picture, bytes):
        return picture
    try:
        return Path(picture).read_bytes()
    except OSError as error:
        raise UsageError(f"{picture} cannot be read ({error.strerror}); give a file") from error


def _params(wish: Wish) -> dict[str, Any]:
    """Write a wish as an address has it."""
    found: dict[str, Any] = dict(wish)
    if "where" in wish:
        found["where"] = [f"{key}={value}" for key, value in wish["where"].items()]
    return found
