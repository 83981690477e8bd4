"""Learning from attacked pictures beside the clean ones, so that small changes keep the code.

Goodfellow et al., "Explaining and Harnessing Adversarial Examples", ICLR 2015,
https://arxiv.org/abs/1412.6572, section 6: what is minimised is the mean of the loss on clean and
on attacked pictures. Which attack that is, a workflow says.

Both go through the network as one batch, so that batch norm learns moments of both. The attack
itself sees the network as a query will meet it, by its running moments, and leaves them alone.
"""

from collections.abc import Callable
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from acir.losses.base import Loss, LossTerms
from acir.models.encoder import Encoder
from acir.tensors import Batch, Encoding
from acir.training.gather import gather

Images: TypeAlias = Float[Tensor, "batch channels height width"]
Logits: TypeAlias = Callable[[Images], Float[Tensor, "batch bits"]]
Attack: TypeAlias = Callable[[Logits, Images], Images]


def attacked(encoder: Encoder, attack: Attack, images: Images) -> Images:
    """Return what an attack makes of pictures; the network is left as it was."""
    training = encoder.training
    encoder.eval()
    changed = attack(lambda points: encoder(points).logits, images)
    encoder.train(training)
    return changed.detach()


def hardened_loss(joint: Encoding, batch: Batch, loss: Loss) -> LossTerms:
    """Return the mean of the loss on attacked and on clean pictures.

    Args:
        joint: The encoding of the attacked pictures, then of the clean ones.
        batch: The clean pictures.
        loss: Judges each half by itself; the clean one last, which a memory keeps, and which alone
            counts as a step of training.
    """
    count, training = len(batch.images), loss.training

    def judged(half: slice) -> LossTerms:
        found: LossTerms = loss(
            *gather(Encoding(*(part[half] for part in vars(joint).values())), batch)
        )
        return found

    loss.eval()
    changed = judged(slice(count))
    loss.train(training)
    clean = judged(slice(count, None))
    terms = {**clean.terms, "attacked": changed.total.detach()}
    return LossTerms((clean.total + changed.total) / 2, terms)
