"""Learning that changes too small to be seen change neither the code nor the class.

Zhang et al., "Theoretically Principled Trade-off between Robustness and Accuracy" (TRADES), ICML
2019, https://arxiv.org/abs/1901.08573, eq. 5: what is minimised is the loss on clean pictures and,
weighed, how far an attack moves what the network says of them. Which attack that is, a workflow
says.

Both go through the network as one batch, so that batch norm learns moments of both. The attack
itself sees the network as a query will meet it, by its running moments, and leaves them alone.
"""

from collections.abc import Callable
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity, kl_div, log_softmax

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


def hardened_loss(joint: Encoding, batch: Batch, loss: Loss, weight: float) -> LossTerms:
    """Return the loss on clean pictures and, weighed, how far attacked ones are moved from them.

    Args:
        joint: The encoding of the attacked pictures, then of the clean ones.
        batch: The clean pictures.
        loss: Judges the clean half; asked once, as a memory or a count of steps expects.
        weight: Of `moved`.
    """
    count = len(batch.images)
    changed, clean = (
        Encoding(*(part[half] for part in vars(joint).values()))
        for half in (slice(count), slice(count, None))
    )
    changed, _ = gather(changed, batch)
    clean, batch = gather(clean, batch)
    found: LossTerms = loss(clean, batch)
    far = moved(changed, clean, classes=loss.teaches_class_head)
    return LossTerms(found.total + weight * far, {**found.terms, "moved": far})


def moved(changed: Encoding, clean: Encoding, *, classes: bool) -> Float[Tensor, ""]:
    """Return how far codes and classes are moved, on average: 0 where nothing is.

    The cosine distance of the hash logits, in [0, 2], and the Kullback-Leibler divergence of the
    changed class likelihoods from the clean ones, in nats.

    Args:
        changed: The encoding of the changed pictures.
        clean: That of the same pictures as they are.
        classes: Whether the class logits say something; else the codes alone count.
    """
    far = 1 - cosine_similarity(changed.logits, clean.logits, dim=1).mean()
    if not classes:
        return far
    known, said = (log_softmax(one.class_logits, dim=1) for one in (clean, changed))
    return far + kl_div(said, known, reduction="batchmean", log_target=True)
