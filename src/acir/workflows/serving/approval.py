"""Whether the model that a server answers with is in service, asked anew for each answer."""

from contextlib import AbstractContextManager
from pathlib import Path

from acir.bundle import verify_bundle
from acir.errors import AccessError, UsageError
from acir.workflows.model import existing
from acir.workflows.search import BUNDLE


class Approval(AbstractContextManager["Approval"]):
    """The approval of one bundle by a registry; close it or use it as a context.

    Args:
        registry: Folder of the registry.
        bundle: Identity of the bundle.

    Raises:
        UsageError: There is no registry, or the bundle is not in service.
    """

    def __init__(self, registry: Path, bundle: str) -> None:
        self._registry, self._bundle = existing(registry), bundle
        try:
            self._registry.check_serves(bundle)
        except AccessError as error:
            self.close()
            raise UsageError(str(error)) from error

    @classmethod
    def of_index(cls, registry: Path, index: Path) -> "Approval":
        """Return the approval of the bundle inside an index, whose every byte is read.

        Raises:
            UsageError: As the constructor; or the bundle is missing or altered.
        """
        return cls(registry, verify_bundle(index / BUNDLE))

    def __exit__(self, *_: object) -> None:
        """Close the registry."""
        self.close()

    def close(self) -> None:
        """Close the registry; closing twice is harmless."""
        self._registry.close()

    def holds(self) -> bool:
        """Whether the bundle is in service at this moment.

        Raises:
            StorageError: The registry cannot be read.
        """
        try:
            self._registry.check_serves(self._bundle)
        except AccessError:
            return False
        return True
