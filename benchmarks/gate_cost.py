"""What the gate costs beside the encoder, part by part.

    python benchmarks/gate_cost.py runs/cells/bundle

One picture at a time and on one thread, as a search does: the encoder; the decoder, if a detector
reads what it makes; the pictures in NumPy, which several detectors share; every detector of the
gate by itself; and what makes a verdict of their scores. Rounds are interleaved, so that a noisy
machine disturbs all alike, and the fastest round counts, which was disturbed least; the ratios to
the encoder are what to look at. `gate` is what a verdict adds to the encoding: all parts together.
Noise stands in for pictures: the work is the same, but for more neighbours to look at.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from acir.bundle import Bundle, load_bundle
from acir.models.evidence import collect_evidence
from acir.search import one_thread
from acir.tensors import Evidence

WARM_UP = 5  # rounds that are not counted
ENCODER, DECODER, PIXELS, VERDICT = "encoder", "decoder", "pixels", "verdict"


def parts(bundle: Bundle) -> dict[str, Callable[[Evidence], object]]:
    """Return what is timed, by name; each is given the evidence of one picture."""
    encoder, gate = bundle.encoder, bundle.gate

    @torch.no_grad()
    def rebuild(one: Evidence, deep: Float[Tensor, "..."]) -> object:
        return encoder.decoder and encoder.decoder(deep, one.images.shape[2:])

    timed: dict[str, Callable[[Evidence], object]] = {
        ENCODER: lambda one: collect_evidence(encoder, one.images, rebuild=False)
    }
    images = torch.rand(1, 3, bundle.prep.size, bundle.prep.size)
    if gate.needs_decoder:
        with torch.no_grad():
            timed[DECODER] = partial(rebuild, deep=encoder.deep_map(images))
    timed[PIXELS] = lambda one: replace(one).greys  # of a copy, as they are kept
    timed |= {name: partial(_score, bundle, name) for name in gate.detectors}
    scored = gate.scored(bundle.evidence(images))
    return timed | {VERDICT: lambda _: gate.judge_scored(scored)}


def _score(bundle: Bundle, name: str, one: Evidence) -> object:
    return bundle.gate.detectors[name].score(one)


def timed(
    calls: dict[str, Callable[[Evidence], object]], one: Evidence, rounds: int
) -> list[dict[str, float]]:
    """Call everything once a round; return the seconds of each, round by round."""
    found = []
    for _ in range(WARM_UP + rounds):
        seconds = {}
        for name, call in calls.items():
            started = time.perf_counter()
            call(one)
            seconds[name] = time.perf_counter() - started
        found.append(seconds)
    return found[WARM_UP:]


def main() -> None:
    """Time everything and print milliseconds and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--rounds", type=int, default=100)
    asked = parser.parse_args()
    bundle = load_bundle(asked.bundle)
    with one_thread():
        images = torch.rand(1, 3, bundle.prep.size, bundle.prep.size)
        one = bundle.evidence(images)
        rounds = timed(parts(bundle), one, asked.rounds)
    fastest = {name: min(seconds[name] for seconds in rounds) for name in rounds[0]}
    fastest["gate"] = sum(value for name, value in fastest.items() if name != ENCODER)
    result = {
        name: {"ms": round(1e3 * value, 3), "of_encoder": round(value / fastest[ENCODER], 3)}
        for name, value in fastest.items()
    }
    print(json.dumps({"size": bundle.prep.size, "rounds": asked.rounds, **result}, indent=1))  # noqa: T201 - the result is what it is for


if __name__ == "__main__":
    main()
