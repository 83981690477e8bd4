"""`acir pacs`: an index that follows a PACS, and questions about what is in one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlencode

from acir.bundle import load_bundle
from acir.errors import PacsError, UsageError
from acir.index.chosen import choose
from acir.index.database import FILE
from acir.index.feeds import alone
from acir.index.store import Store
from acir.pacs.orthanc import Orthanc, OrthancSeries
from acir.pacs.qido import DicomWeb, is_uid
from acir.pacs.scp import Listener
from acir.pacs.settings import LEVEL, SERVER, Server, Settings, load
from acir.privacy.pseudonym import load_key
from acir.types import Answer, Progress, silent
from acir.workflows.following import Follower
from acir.workflows.following_series import SeriesFollower
from acir.workflows.index_creation import ENGINE, IndexOptions, created
from acir.workflows.pacs_target import Target
from acir.workflows.receiving import Intake
from acir.workflows.search import BUNDLE, KEY, LEAST, Request, bundle_of
from acir.workflows.search import search as ask

LEVELS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Question:
    """What `acir pacs search` asks.

    Attributes:
        instance: UIDs of a study, a series and an instance with slashes between; fewer for all
            instances of a study or a series.
        server: Name of the server that has it; empty for the only one.
        k: Hits wanted.
        where: What a hit must have.
        force: Whether an unknown query is answered too.
        series: Whether each series is a case, spoken for by some of its slices.
    """

    instance: str
    server: str = ""
    k: int = 10
    where: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    series: bool = False


def sync(
    configuration: Path,
    *,
    once: bool = False,
    erase: bool = False,
    device: str = "cpu",
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> dict[str, int]:
    """Follow the servers of a configuration into its index, for ever or once.

    An index that is not there is made with the model of the configuration. Stopped at any moment,
    it goes on from there when it is started again.

    Args:
        configuration: The TOML file.
        once: Whether to return when the index has what the servers have.
        erase: Whether to erase what is gone from a server, however much it is.
        device: Where the network is to run.
        progress: Shows long work.
        say: Takes a line for a person.

    Returns:
        How many instances were `taken`, `passed`, `failed` and `gone`.

    Raises:
        UsageError: The configuration, the index or the model cannot be used.
        PacsError: With `once`, a server cannot be used, or so much is gone from it that it was not
            erased.
        BusyError: Another process follows into the same index.
    """
    settings = load(configuration)
    if not settings.servers:
        raise UsageError(f"{configuration} names no server; add a table [[servers]]")
    with _target(settings, device) as target, alone(target.store.folder), ExitStack() as open_:
        followers = [
            open_.enter_context(closing(_follower(server, target, progress, erase)))
            for server in settings.servers
        ]
        if not once:
            _for_ever(followers, say)
        for follower in followers:
            follower.look()
        for follower in followers:
            if follower.held_back:
                raise PacsError(follower.held_back)
        return {
            key: sum(follower.counts[key] for follower in followers) for key in followers[0].counts
        }


def listen(configuration: Path, *, device: str = "cpu", say: Say = lambda _: None) -> None:
    """Take what known senders store by C-STORE into the index of a configuration, for ever.

    A sender is told of success once its picture is stored, and stores again what it was not told
    of.

    Args:
        configuration: The TOML file.
        device: Where the network is to run.
        say: Takes a line for a person.

    Raises:
        UsageError: The configuration, the index or the model cannot be used.
        PacsError: The port cannot be listened at.
    """
    settings = load(configuration)
    if settings.listen is None:
        raise UsageError(f"{configuration} says nothing of listening; add a table [listen]")
    with _target(settings, device) as target:
        intake = Intake(target, settings.listen.collection)
        with Listener(settings.listen, intake.receive):
            place = f"{settings.listen.host}, port {settings.listen.port}"
            say(f"listening as {settings.listen.ae_title} at {place}")
            try:
                while True:
                    intake.store()
            finally:
                intake.close()


def search(
    configuration: Path, question: Question, html: Path | None, device: str, say: Say
) -> Iterator[Answer]:
    """Fetch instances from a server and answer each as `acir search` does, or each series.

    Args:
        configuration: The TOML file.
        question: What is asked.
        html: Where to write a page of all answers; None for none.
        device: Where the network is to run.
        say: Takes a line for a person.

    Raises:
        UsageError: The configuration, the UIDs or the index cannot be used.
        PacsError: The server cannot be.
    """
    settings = load(configuration)
    uids = question.instance.split("/")
    if len(uids) > len(LEVELS) or not all(is_uid(uid) for uid in uids):
        raise UsageError(
            "the instance is not understood; expected UIDs as STUDY/SERIES/SOP, each of digits "
            "and dots"
        )
    if question.series and len(uids) == len(LEVELS):
        raise UsageError(
            "a series is asked for, and an instance is named; give STUDY/SERIES, or STUDY for all "
            "series of a study"
        )
    query = {SERVER: settings.server(question.server).name, **dict(zip(LEVELS, uids, strict=False))}
    if question.series:
        query[LEVEL] = "series"
    request = Request(
        k=question.k, where=question.where, force=question.force, least=LEAST if html else 0
    )
    source = f"dicomweb:{configuration}?{urlencode(query)}"
    yield from ask(
        Path(settings.index),
        [source],
        request,
        series=question.series,
        html=html,
        device=device,
        say=say,
    )


def _for_ever(followers: list[Follower], say: Say) -> None:
    while True:
        for follower in followers:
            if follower.next_at <= monotonic():
                follower.turn(say)
        sleep(max(0.0, min(follower.next_at for follower in followers) - monotonic()))


def _follower(server: Server, target: Target, progress: Progress, erase: bool) -> Follower:
    if server.level == "series":
        return SeriesFollower(server, OrthancSeries(server), target, progress, erase=erase)
    feed = Orthanc(server) if server.orthanc else DicomWeb(server)
    return Follower(server, feed, target, progress, erase=erase)


@contextmanager
def _target(settings: Settings, device: str) -> Iterator[Target]:
    """Open the index, made first where it is not there."""
    index = Path(settings.index)
    if not (index / FILE).is_file():
        _create(settings, index, device)
    with Store.open(index, model=bundle_of(index)) as store:
        yield Target(store, load_bundle(index / BUNDLE, device), load_key(index / KEY))


def _create(settings: Settings, index: Path, device: str) -> None:
    if not settings.model:
        raise UsageError(
            f"there is no index at {index}; build one with acir index build, or name a bundle by "
            "the key model and it is made"
        )
    model = Path(settings.model)
    created(
        index, load_bundle(model, device), model, IndexOptions(paths=False), choose(ENGINE)
    ).close()
