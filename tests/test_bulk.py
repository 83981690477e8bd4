"""Encoding many pictures gives what encoding each of them gives."""

import gc
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch

from acir import codes
from acir.bulk import ahead, encode_images, encode_set, prepared_batches
from acir.bundle import Bundle, load_bundle
from acir.content import embed
from acir.data.loader import ImageSet
from acir.prep.pipeline import Prep
from acir.types import ImageRecord
from made_model import CLASSES, draw


@pytest.fixture(scope="module")
def loaded(bundle: Path) -> Bundle:
    return load_bundle(bundle)


def drawn(count: int) -> torch.Tensor:
    grey = np.stack([draw(CLASSES[n % 4], n) for n in range(count)])
    return torch.from_numpy(np.repeat(grey[:, None], 3, axis=1))


def records(count: int) -> Iterator[ImageRecord]:
    for n in range(count):
        yield ImageRecord(str(n), draw("bars", n), (0.0, 255.0), split="test", draw=0.0)


def test_codes_are_the_signs_and_embeddings_those_of_the_evidence(loaded: Bundle) -> None:
    images = drawn(9).float() / 255
    packed, embeddings = encode_images(loaded.encoder, images)
    evidence = loaded.evidence(images)
    assert np.array_equal(packed, codes.pack(evidence.logits.numpy()))
    wanted = embed(evidence.blended, evidence.logits, images, evidence.class_logits)
    assert np.array_equal(embeddings, wanted.numpy().astype(np.float16))
    assert embeddings.dtype == np.float16


def test_a_set_is_encoded_in_order_over_several_batches(loaded: Bundle) -> None:
    images = drawn(130)  # one batch of 128 and one of 2
    packed, embeddings = encode_set(loaded.encoder, ImageSet(images, torch.ones(130, 1)))
    for rows in (slice(0, 128), slice(128, 130)):
        expected = encode_images(loaded.encoder, images[rows].float() / 255)
        assert np.array_equal(packed[rows], expected[0])
        assert np.array_equal(embeddings[rows], expected[1])


def test_the_mode_of_the_network_is_put_back(loaded: Bundle) -> None:
    images = ImageSet(drawn(2), torch.ones(2, 1))
    before = {name: value.clone() for name, value in loaded.encoder.state_dict().items()}
    loaded.encoder.train()
    try:
        encode_set(loaded.encoder, images)
        assert loaded.encoder.training
    finally:
        loaded.encoder.eval()
    after = loaded.encoder.state_dict()  # in training, batch norm would have learned
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_batches_come_before_the_source_is_read_to_its_end() -> None:
    source = records(10)
    batches = prepared_batches(source, Prep(16, colour=False), batch=4)
    chunk, images = next(batches)
    assert [record.id for record in chunk] == ["0", "1", "2", "3"]
    assert images.shape == (4, 3, 16, 16)
    assert next(source).id == "4"


def test_the_last_batch_holds_the_rest_and_nothing_comes_of_nothing() -> None:
    prep = Prep(16, colour=False)
    assert [len(chunk) for chunk, _ in prepared_batches(records(10), prep, batch=4)] == [4, 4, 2]
    assert list(prepared_batches(records(0), prep)) == []


def test_items_made_ahead_come_in_order_and_from_a_thread_of_their_own() -> None:
    def made() -> Iterator[tuple[int, int]]:
        for n in range(1000):
            yield n, threading.get_ident()

    found = list(ahead(made(), 3))
    assert [n for n, _ in found] == list(range(1000))
    (thread,) = {ident for _, ident in found}
    assert thread != threading.get_ident()
    assert list(ahead(iter(()), 3)) == []


def test_no_more_are_made_than_there_is_room_for() -> None:
    made: list[int] = []
    full = threading.Event()

    def numbers() -> Iterator[int]:
        for n in count():
            made.append(n)
            if n >= 5:  # one was taken, four wait, and this one has no room
                full.set()
            yield n

    stage = ahead(numbers(), 4)
    assert next(stage) == 0
    assert full.wait(30)
    assert made == list(range(6))
    stage.close()


def test_what_stops_a_stage_is_raised_after_what_it_made() -> None:
    def two() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("third")

    found = []
    with pytest.raises(KeyError, match="third"):
        for n in ahead(ahead(two(), 1), 1):
            found.append(n)  # noqa: PERF402 - what came before the error counts
    assert found == [1, 2]


def test_closing_the_last_stage_ends_all_of_them() -> None:
    ended: list[str] = []

    def endless(name: str, before: Iterator[int]) -> Iterator[int]:
        try:
            for n in before:
                yield 2 * n
        finally:
            ended.append(name)

    before = threading.active_count()
    last = ahead(endless("outer", ahead(endless("inner", count()), 2)), 2)
    assert [next(last), next(last)] == [0, 4]
    assert threading.active_count() == before + 2
    last.close()
    assert ended == ["outer", "inner"]
    assert threading.active_count() == before


def test_a_stage_that_nobody_holds_may_be_collected_in_its_own_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unheld, ended = threading.Event(), threading.Event()
    wrong: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", wrong.append)

    def numbers() -> Iterator[int]:
        try:
            yield 0
            assert unheld.wait(30)
            gc.collect()
            yield 1
        finally:
            ended.set()

    def begin() -> None:
        stage = ahead(numbers(), 1)
        ring: list[object] = [stage]
        ring.append(ring)  # as a traceback holds what it shows: only the collector ends this
        assert next(stage) == 0

    gc.disable()
    try:
        begin()
        unheld.set()
        assert ended.wait(30)
    finally:
        gc.enable()
    assert wrong == []
