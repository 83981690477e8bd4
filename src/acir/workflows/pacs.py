"""`acir pacs`: an index that follows a PACS."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import sleep

from acir.bundle import load_bundle, verify_bundle
from acir.errors import UsageError
from acir.index.chosen import choose
from acir.index.database import FILE
from acir.index.feeds import alone
from acir.index.store import Store
from acir.pacs.feed import Feed
from acir.pacs.orthanc import Orthanc
from acir.pacs.settings import Server, Settings, load
from acir.privacy.pseudonym import load_key
from acir.types import Progress, silent
from acir.workflows.following import Follower, Target
from acir.workflows.index import ENGINE, IndexOptions, created
from acir.workflows.search import BUNDLE, KEY

Say = Callable[[str], None]


def sync(
    configuration: Path,
    *,
    once: bool = False,
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
        device: Where the network is to run.
        progress: Shows long work.
        say: Takes a line for a person.

    Returns:
        How many instances were `taken`, `passed`, `failed` and `gone`.

    Raises:
        UsageError: The configuration, the index or the model cannot be used.
        PacsError: With `once`, a server cannot be used.
        BusyError: Another process follows into the same index.
    """
    settings = load(configuration)
    if not settings.servers:
        raise UsageError(f"{configuration} names no server; add a table [[servers]]")
    with _target(settings, device) as target, alone(target.store.folder), ExitStack() as open_:
        followers = [
            Follower(server, open_.enter_context(closing(_feed(server))), target, progress)
            for server in settings.servers
        ]
        if not once:
            _for_ever(followers, say)
        for follower in followers:
            follower.look()
        return {
            key: sum(follower.counts[key] for follower in followers) for key in followers[0].counts
        }


def _for_ever(followers: list[Follower], say: Say) -> None:
    while True:
        for follower in followers:
            follower.turn(say)
        sleep(min(follower.wait for follower in followers))


def _feed(server: Server) -> Feed:
    return Orthanc(server)


@contextmanager
def _target(settings: Settings, device: str) -> Iterator[Target]:
    """Open the index, made first where it is not there."""
    index = Path(settings.index)
    if not (index / FILE).is_file():
        _create(settings, index, device)
    with Store.open(index, model=verify_bundle(index / BUNDLE)) as store:
        yield Target(store, load_bundle(index / BUNDLE, device), load_key(index / KEY))


def _create(settings: Settings, index: Path, device: str) -> None:
    if not settings.model:
        raise UsageError(
            f"there is no index at {index}; build one with acir index build, or name a bundle by "
            "the key model and it is made"
        )
    model = Path(settings.model)
    options = IndexOptions(paths=False)
    created(index, load_bundle(model, device), model, options, choose(ENGINE)).close()
