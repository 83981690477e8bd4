"""What an index says of itself: which codes it holds, what searches them, what else was kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from acir.errors import StoreError
from acir.index import schema
from acir.index.database import Database
from acir.index.view import REPAIR

SETTING = "setting."


@dataclass(frozen=True)
class About:
    """What `meta` holds; the attributes are those of `Store`."""

    bits: int
    dim: int
    engine: str
    model: str
    settings: Mapping[str, str]

    def written(self) -> dict[str, str]:
        """Return it as the table keeps it."""
        plain = {"bits": str(self.bits), "dim": str(self.dim)}
        plain |= {"engine": self.engine, "model": self.model}
        return plain | {SETTING + key: value for key, value in self.settings.items()}


def read(database: Database) -> About:
    """Read it, from an index of the version before too, which is brought up first.

    Raises:
        StoreError: It does not say so, or is of no version that can be read.
    """
    try:
        meta = schema.current(database)
        settings = {k.removeprefix(SETTING): v for k, v in meta.items() if k.startswith(SETTING)}
        return About(
            bits=int(meta["bits"]),
            dim=int(meta["dim"]),
            engine=meta["engine"],
            model=meta["model"],
            settings=MappingProxyType(settings),
        )
    except (KeyError, ValueError) as error:
        raise StoreError(
            f"the index at {database.folder} is damaged: it does not say what it holds; {REPAIR}"
        ) from error
