"""What a method of a benchmark may have to itself, and what tuning may choose for it."""

from acir.errors import RecipeError
from acir.evaluation.benchmark import Benchmark

OWN = (
    "model.fusion",
    "model.attention",
    "model.transformer",
    "model.scattering",
    "model.pooled",
    "model.head",
    "loss",
    "search",
)
TUNED = ("training.learning_rate", "training.weight_decay", "model.head.balance", "loss")
OF_THE_METHODS = ("model.bits", "model.decoder", "loss")
MOST_TRIALS = 4


def require_fair(benchmark: Benchmark) -> None:
    """Refuse a benchmark in which a method has an advantage.

    Raises:
        RecipeError: It has settings of its own that do not make it a method, or more trials.
    """
    for key in (*benchmark.shared, *(key for d in benchmark.data for key in d.set)):
        if _is_below(key, OF_THE_METHODS):
            raise RecipeError(
                f"benchmark key {key!r} cannot be shared: bits and losses are listed in the "
                "benchmark, and no method has a decoder"
            )
    for method in benchmark.method:
        for key in method.set:
            if not _is_below(key, (*OWN, *TUNED)):
                raise RecipeError(
                    f"method {method.name!r} sets {key!r}, but fairness forbids that a method has "
                    "it to itself; move it to [shared], where every method gets it"
                )
        for key in (key for trial in method.trials for key in trial):
            if not _is_below(key, TUNED):
                raise RecipeError(
                    f"a trial of method {method.name!r} sets {key!r}, but fairness lets tuning "
                    f"choose only what lies at or below {', '.join(TUNED)}"
                )
    _check_trials(benchmark)


def _check_trials(benchmark: Benchmark) -> None:
    counts = {method.name: len(method.trials) for method in benchmark.method}
    if len(set(counts.values())) > 1 or max(counts.values()) > MOST_TRIALS:
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise RecipeError(
            f"the methods have unequal or too many trials ({said}); fairness asks for the same "
            f"number for each, at most {MOST_TRIALS}"
        )
    if max(counts.values()) and benchmark.tuning_seed in benchmark.seeds:
        raise RecipeError(
            f"benchmark key tuning_seed is {benchmark.tuning_seed}, which is one of the seeds that "
            "are compared; give another, so that tuning sees none of the compared runs"
        )


def _is_below(key: str, keys: tuple[str, ...]) -> bool:
    return any(key == known or key.startswith(f"{known}.") for known in keys)
