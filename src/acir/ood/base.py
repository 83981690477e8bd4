"""The contract of a detector."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

from jaxtyping import Float, Shaped
from torch import Tensor

from acir.errors import NotFittedError
from acir.tensors import Evidence


class Detector(ABC):
    """Score how unlike the training pictures a picture is.

    A higher score is more outlying. A picture's score does not depend on the others of its batch.
    There is no threshold here: the gate turns scores into calibrated p-values.

    Attributes:
        reason: What a reader is told when this detector has the strongest evidence.
        reason_code: The same as one stable word.
        needs_decoder: Whether the detector reads `Evidence.reconstruction`.
    """

    reason: ClassVar[str]
    reason_code: ClassVar[str]
    needs_decoder: ClassVar[bool] = False

    @abstractmethod
    def fit(self, seen: Evidence) -> Self:
        """Learn from training pictures; return the detector itself."""

    @abstractmethod
    def score(self, evidence: Evidence) -> Float[Tensor, " batch"]:
        """Return one score a picture; higher is more outlying.

        Raises:
            NotFittedError: Before `fit` or `load_state`.
        """

    @abstractmethod
    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        """Return the arrays that `load_state` needs to score alike."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> Self:
        """Take the arrays of `state` over; return the detector itself."""

    def require(self, array: Shaped[Tensor, "..."] | None) -> Shaped[Tensor, "..."]:
        """Return a fitted array.

        Raises:
            NotFittedError: It is None.
        """
        if array is None:
            raise NotFittedError(
                f"{type(self).__name__} has not been fitted; call fit or load_state first"
            )
        return array
