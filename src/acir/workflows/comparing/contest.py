"""One run: train a method, validate it, and ask it the test once. Runs in a process of its own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from acir import recipe as recipes
from acir.errors import AcirError, SourceError, StorageError
from acir.evaluation.comparison import DONE
from acir.evaluation.protocol import CodedSet
from acir.metrics.retrieval import mean_average_precision
from acir.models.encoder import Encoder
from acir.training.optimiser import repeats
from acir.training.trainer import Trainer, make_fabric
from acir.types import silent
from acir.workflows import records
from acir.workflows.comparing.exam import Coded, answers, fit, floor
from acir.workflows.comparing.pictures import Lessons, Part, digests, open_exam, open_lessons
from acir.workflows.comparing.steadiness import steadiness
from acir.workflows.hardening import attack_for
from acir.workflows.learning import coded, network, settled, size, validator

IMPOSSIBLE = "not possible"


@dataclass(frozen=True)
class Entry:
    """What decides a run, in plain values that reach another process. It names no test pictures.

    Attributes:
        data: Name of the data set.
        method: Name of the method.
        seed: The only source of chance.
        recipe: `acir.recipe.to_dict` of the recipe.
        tuned: What tuning chose of it, for the record.
        lessons: Where the pictures to learn from are kept.
        key: `keys.run_key` of all that.
    """

    data: str
    method: str
    seed: int
    recipe: Mapping[str, Any]
    tuned: Mapping[str, object]
    lessons: Path
    key: str

    @property
    def bits(self) -> int:
        """The length of the code."""
        return int(self.recipe["model"]["bits"])


@dataclass(frozen=True)
class Place:
    """Where a run may compute.

    Attributes:
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        threads: Of torch.
        scratch: A folder for what is not kept.
    """

    device: str
    threads: int
    scratch: Path


def trial(entry: Entry, place: Place, out: Path) -> None:
    """Train a method and record how it does on validation; the test split is not known here."""
    try:
        encoder, about = train(entry, place)
    except AcirError as error:
        records.write(out, _begun(entry) | _impossible(error))
        return
    lessons = open_lessons(entry.lessons)
    gallery = coded(encoder, lessons.train.images, lessons.train.pixel_hashes)
    queries = _validation(encoder, lessons, gallery)
    score = mean_average_precision(queries.codes, queries.labels, gallery.codes, gallery.labels)
    records.write(out, _begun(entry) | about | {"status": DONE, "validation_mAP": score})


def run(entry: Entry, place: Place, exam: Path, outs: Mapping[str, Path]) -> None:
    """Train a method, ask it the test and record what it answers, in arrays too.

    Args:
        entry: What is run.
        place: Where.
        exam: Where the test pictures are kept.
        outs: Where the record goes, by the name of the method, and of each floor that rests on
            its embeddings.
    """
    try:
        encoder, about = train(entry, place)
    except AcirError as error:
        for name, out in outs.items():
            records.write(out, _begun(entry) | {"method": name} | _impossible(error))
        return
    lessons, test = open_lessons(entry.lessons), open_exam(exam)
    coded_all = _coded(encoder, lessons, test)
    rankers = fit(coded_all, entry.recipe["search"]["mode"])
    about |= {"splits": {**digests(entry.lessons), **digests(exam)}}
    for name, out in outs.items():
        own = name == entry.method
        found = (
            answers(coded_all, rankers, entry.seed) if own else floor(name, coded_all, entry.seed)
        )
        arrays = dict(found.arrays)
        if own:
            sets = (lessons.train.images, test.images)
            arrays |= steadiness(encoder, coded_all, rankers, *sets, entry.seed)
        records.write_arrays(out.with_suffix(".npz"), arrays)
        result = {"status": DONE, "test": found.scores, "left_out": found.left_out}
        records.write(out, _begun(entry) | {"method": name} | about | result)


def train(entry: Entry, place: Place) -> tuple[Encoder, records.Record]:
    """Train by stage 1 alone and return the network of the best epoch, with what is to be said.

    Raises:
        AcirError: The method cannot be trained so: an impossible length, a loss that diverged.
        SourceError: The pictures cannot be used.
        StorageError: The disk is full.
    """
    started = time.perf_counter()
    torch.set_num_threads(place.threads)
    lessons = open_lessons(entry.lessons)
    train_set = lessons.train.images
    recipe = settled(recipes.from_dict(entry.recipe), train_set)
    encoder, loss = network(recipe, train_set, entry.seed)
    fabric = make_fabric(place.device, recipe.training.precision)
    with TemporaryDirectory(dir=place.scratch) as folder:
        trainer = Trainer(
            recipe=recipe,
            encoder=encoder,
            loss=loss,
            folder=Path(folder),
            seed=entry.seed,
            fabric=fabric,
            validate=validator(recipe.training, train_set, lessons.val.images, lambda _: None),
            progress=silent,
            attack=attack_for(recipe.training, train_set),
        )
        history = trainer.fit(train_set, resume=False)
    about = {
        "seconds": round(time.perf_counter() - started, 1),
        "parameters": size(encoder),
        "epochs": len(history),
        "views": len(history) * repeats(recipe.training, len(train_set)) * len(train_set),
        # The pictures that judge an epoch are some of all, and may have no label.
        "validation": [None if isnan(row["val_mAP"]) else row["val_mAP"] for row in history],
        **records.surroundings(fabric.device),
    }
    return encoder, about


def _coded(encoder: Encoder, lessons: Lessons, test: Part) -> Coded:
    gallery = coded(encoder, lessons.train.images, lessons.train.pixel_hashes)
    return Coded(
        gallery=gallery,
        validation=_validation(encoder, lessons, gallery),
        queries=coded(encoder, test.images, test.pixel_hashes),
        patients=np.array(test.patients),
        class_names=lessons.class_names,
    )


def _validation(encoder: Encoder, lessons: Lessons, gallery: CodedSet) -> CodedSet:
    return coded(encoder, lessons.val.images, lessons.val.pixel_hashes).without(gallery)


def _begun(entry: Entry) -> records.Record:
    return {
        "key": entry.key,
        "data": entry.data,
        "method": entry.method,
        "bits": entry.bits,
        "seed": entry.seed,
        "tuned": dict(entry.tuned),
        "recipe": dict(entry.recipe),
        "finished": datetime.now(UTC).date().isoformat(),
    }


def _impossible(error: AcirError) -> records.Record:
    """Say why a method cannot run; what is no fault of the method stops the comparison."""
    if isinstance(error, SourceError | StorageError):
        raise error
    return {"status": IMPOSSIBLE, "reason": str(error)}
