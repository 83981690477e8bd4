"""What a robust recipe learns to withstand, and how well it does."""

import numpy as np

from acir.bulk import encode_images, encode_set
from acir.data.loader import WHITE, ImageSet, ordered_batches
from acir.metrics.retrieval import mean_average_precision
from acir.models.encoder import Encoder
from acir.recipe import TrainingRecipe
from acir.robustness.attacks.ball import Images
from acir.robustness.attacks.goals import away_from_own
from acir.robustness.attacks.grey import of_grey, spread
from acir.robustness.attacks.objective import Logits
from acir.robustness.attacks.pgd import Plan, pgd
from acir.training.hardening import Attack, attacked

SINGLE_STEP = 1.25  # of eps; Wong et al., ICLR 2020, https://arxiv.org/abs/2001.03994
REACH = 2.5  # times eps that several steps could go together; Madry et al., ICLR 2018
JUDGING_STEPS = 10  # at least, so that what only a single step misses is seen
BATCH = 64


def attack_for(
    training: TrainingRecipe, train: ImageSet, steps: int | None = None
) -> Attack | None:
    """Return the attack that a recipe asks for: away from a picture's own code, one restart.

    It knows no labels, and a picture's chance depends on its pixels alone, so that a resumed run
    meets the same attacks. Pictures that are all grey stay grey.

    Args:
        training: Says whether there is one, how far it goes, and its steps.
        train: The training pictures.
        steps: In place of the recipe's.
    """
    if not training.robust:
        return None
    plan = plan_for(training, steps or training.robust_steps)
    grey = is_grey(train)

    def attack(logits: Logits, images: Images) -> Images:
        images = images.clamp(0, 1)  # mixing rounds
        if not grey:
            return pgd(logits, images, away_from_own(logits, images), plan)
        one, own = images[:, :1], of_grey(logits)
        return spread(pgd(own, one, away_from_own(own, one), plan))

    return attack


def plan_for(training: TrainingRecipe, steps: int) -> Plan:
    """Return how far training's attack goes, and in which steps.

    Example:
        >>> plan = plan_for(TrainingRecipe(robust=True, robust_eps=8.0), steps=1)
        >>> [round(255 * size) for size in (plan.eps, *plan.step_sizes)]
        [8, 10]
    """
    eps = training.robust_eps / WHITE
    size = SINGLE_STEP * eps if steps == 1 else REACH * eps / steps
    return Plan(eps=eps, step_sizes=(size,), steps=steps, restarts=1)


def is_grey(images: ImageSet) -> bool:
    """Whether no picture has any colour."""
    first = images.images[:, :1]
    return bool((images.images == first).all())


def map_under_attack(
    encoder: Encoder, attack: Attack, queries: ImageSet, gallery: ImageSet
) -> float:
    """Return the mAP of attacked queries against clean pictures; the mode is put back after."""
    training = encoder.training
    encoder.eval()
    known, _ = encode_set(encoder, gallery)
    changed = [
        encode_images(encoder, attacked(encoder, attack, queries.batch(rows).images))[0]
        for rows in ordered_batches(len(queries), BATCH)
    ]
    encoder.train(training)
    relevant = queries.labels.numpy() > 0, gallery.labels.numpy() > 0
    return mean_average_precision(np.concatenate(changed), relevant[0], known, relevant[1])
