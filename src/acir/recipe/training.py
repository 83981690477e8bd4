"""Both stages of training."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from acir.tables import Count, NotNegative, Positive, Range, Share, Table


@dataclass(frozen=True)
class TrainingRecipe(Table):
    """Both stages of training.

    Attributes:
        epochs: Epochs of stage 1, everything but the decoder.
        decoder_epochs: Epochs of stage 2, the decoder alone.
        least_views: Pictures that stage 1 shows at least, counting repeats: an epoch of a small
            source shows it several times, in both stages; 0 for once.
        batch: Pictures a step, over all processes.
        learning_rate: Peak of the cosine schedule.
        final_learning_rate: End of the cosine schedule.
        warmup_epochs: Epochs of linear warm-up; may be a fraction.
        decoder_learning_rate: Peak for stage 2.
        weight_decay: AdamW's decoupled weight decay.
        betas: AdamW's two momenta.
        gradient_clip: Largest gradient norm; 0 for none.
        patience: Epochs without a better validation mAP before stage 1 stops; 0 for never.
        precision: `32` or `bf16` arithmetic.
        average: Decay, a step, of a moving average of the weights; the average is what is
            validated and kept. 0 for none.
        mixing: Both parameters of the Beta distribution by which two pictures are mixed to one in
            stage 1, with their labels; 0 for none.
        balance: How far stage 1 shows all classes equally often, in [0, 1]: 0 shows each picture
            once, 1 as many pictures of each class.
        robust: Whether stage 1 also learns from attacked pictures, so that small changes of the
            pixels do not change the code; about four times the work. An epoch is then judged by
            the mean of the validation mAP as it is and under attack.
        robust_weight: What it costs that an attack moves code and classes, beside the loss on
            clean pictures. More withstands more, and knows less of clean pictures.
        robust_eps: Largest change of a pixel by these attacks, in grey levels of 255.
        robust_steps: Steps of each of these attacks; more is stronger and takes longer.
    """

    table: ClassVar[str] = "training"
    epochs: Count = 10
    decoder_epochs: Annotated[int, Range(0)] = 3
    least_views: Annotated[int, Range(0)] = 0
    batch: Count = 64
    learning_rate: Positive = 1e-3
    final_learning_rate: NotNegative = 5e-6
    warmup_epochs: NotNegative = 1.0
    decoder_learning_rate: Positive = 2e-3
    weight_decay: NotNegative = 0.05
    betas: tuple[Share, ...] = (0.9, 0.95)
    gradient_clip: NotNegative = 1.0
    patience: Annotated[int, Range(0)] = 0
    precision: Literal["32", "bf16"] = "32"
    average: Share = 0.0
    mixing: NotNegative = 0.0
    balance: Annotated[float, Range(0, 1)] = 0.0
    robust: bool = False
    robust_weight: Positive = 2.0
    robust_eps: Annotated[float, Range(0, 255, open_low=True)] = 8.0
    robust_steps: Count = 1
