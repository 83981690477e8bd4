"""All attacks on a bundle in turn; what is finished is kept, so that a stopped run goes on."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, replace
from itertools import compress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from acir.bundle import Bundle
from acir.errors import SourceError
from acir.evaluation.attack_scores import at_size, floors
from acir.evaluation.attacked import LEAST_PICTURES, Answered, Attacked, Budget, Result, Seen
from acir.evaluation.figures import png
from acir.evaluation.retrieved import spread
from acir.sources.base import Source
from acir.types import Progress
from acir.workflows import records
from acir.workflows.stressing.attacking import Attacker, Case, Found, attack, cases, work
from acir.workflows.stressing.parts import Parts
from acir.workflows.stressing.victim import Victim

FOLDER = "attacks"
VERSION = 2  # of what an attack does; a result of another is not taken up
LEARNED = 1000  # training pictures that the stand-in for the gate is fitted on
HITS = 3

Pictures = dict[str, Float32[np.ndarray, "3 height width"]]


def attacked(
    bundle: Bundle, source: Source, parts: Parts, budget: Budget, folder: Path, progress: Progress
) -> Attacked:
    """Attack test pictures in every way.

    Args:
        bundle: The model.
        source: Read again for some training pictures.
        parts: Test pictures and what is searched.
        budget: How hard to try.
        folder: Where each finished attack is kept.
        progress: Shows how far an attack is.

    Raises:
        SourceError: There are too few test pictures of a class that the training pictures have,
            or these have but one class.
        StorageError: The folder cannot be written.
    """
    rows = _rows(parts, budget.pictures, source.location)
    hashes = parts.gallery.pixel_hashes
    known = frozenset(hashes[row] for row in spread(len(hashes), LEARNED))
    attacker = _attacker(bundle, source, parts, rows, known, budget)
    decides = {
        "version": VERSION,
        "bundle": bundle.id,
        "pictures": [parts.changed[row].pixel_hash for row in rows],
        "gallery": sorted(hashes),
        **asdict(budget),
    }
    found = [_kept(case, attacker, folder, decides, progress) for case in cases(budget)]
    whole = Attacked(
        budget=budget,
        ids=tuple(parts.changed[row].id for row in rows),
        floors=attacker.floors,
        clean=attacker.clean,
        results=tuple(one.result for one in found),
        robust=bundle.recipe.training.robust,
    )
    return _with_pictures(whole, found, attacker, source)


def _rows(parts: Parts, most: int, place: str) -> Int[np.ndarray, " n"]:
    """Return the test pictures that are attacked: those whose class can be found, and another."""
    held = parts.gallery.labels.any(axis=0)
    right = (parts.labels & held).any(axis=1)
    wrong = (~parts.labels & held).any(axis=1)
    rows = np.flatnonzero(right & wrong)
    if len(rows) < LEAST_PICTURES:
        raise SourceError(
            f"{place} holds {len(rows)} test pictures to attack, expected at least "
            f"{LEAST_PICTURES} whose class training pictures have, beside another; add some or "
            "leave --attacks out"
        )
    chosen: Int[np.ndarray, " n"] = rows[spread(len(rows), most)]
    return chosen


def _attacker(
    bundle: Bundle,
    source: Source,
    parts: Parts,
    rows: Int[np.ndarray, " n"],
    known: Collection[str],
    budget: Budget,
) -> Attacker:
    labels = parts.labels[rows]
    relevant = (labels.astype(np.int64) @ parts.gallery.labels.T.astype(np.int64) > 0).sum(axis=1)
    victim = Victim(bundle, parts.gallery)

    def ready(pictures: list[Float32[np.ndarray, "3 height width"]]) -> Float[Tensor, "..."]:
        images = torch.from_numpy(np.stack(pictures)).to(bundle.encoder.mean.device)
        return images if bundle.prep.colour else images[:, :1].contiguous()

    return Attacker(
        victim=victim,
        images=ready([bundle.prep(parts.changed[row]) for row in rows]),
        labels=labels,
        floors=floors(relevant, len(parts.gallery)),
        budget=budget,
        learned=ready([picture for _, picture in sorted(_read(source, bundle, known).items())]),
    )


def _read(source: Source, bundle: Bundle, wanted: Collection[str]) -> Pictures:
    """Return some pictures of a source, prepared, by their pixel hashes."""
    return {r.pixel_hash: bundle.prep(r) for r in source if r.pixel_hash in wanted}


def _kept(
    case: Case, attacker: Attacker, folder: Path, decides: dict[str, object], progress: Progress
) -> Found:
    """Return what an attack found before, or carry it out."""
    key = records.digest({**decides, **asdict(case)})
    weight = f"-{case.weight:g}" if case.weight else ""
    path = folder / f"{case.attack}{weight}-{case.grey_levels}.npz"
    found = _taken_up(path, case, key)
    if found is None:
        with progress(case.title, work(case, attacker)) as tick:
            found = attack(case, attacker, tick)
        result = found.result
        arrays = {
            **asdict(result.seen),
            "unsafe": result.unsafe,
            "towards": result.towards,
            "rows": found.rows,
            "images": found.images,
        }
        records.write_arrays(path, {"key": np.array(key), **arrays})
    return found


def _taken_up(path: Path, case: Case, key: str) -> Found | None:
    """Return what is kept of an attack; None where there is nothing, or of another run."""
    with suppress(OSError, ValueError, KeyError, BadZipFile), np.load(path) as kept:
        if str(kept["key"]) == key:
            seen = Seen(kept["precision"], kept["refused"], kept["scores"])
            place = (case.attack, case.grey_levels, case.weight)
            result = Result(*place, seen, kept["unsafe"], kept["towards"])
            return Found(result, kept["rows"], kept["images"])
    return None


def _with_pictures(
    whole: Attacked, found: list[Found], attacker: Attacker, source: Source
) -> Attacked:
    """Add what the worst attack of the largest size did to a few pictures."""
    levels = max(whole.budget.grey_levels)
    worst = at_size(whole, levels).worst_attack
    one = next(f for f in found if (f.result.attack, f.result.grey_levels) == (worst, levels))
    victim = attacker.victim
    before = victim.first_hits(attacker.images[one.rows], HITS)
    after = victim.first_hits(torch.from_numpy(one.images).to(attacker.images), HITS)
    gallery = victim.gallery
    wanted = {gallery.pixel_hashes[row] for row in np.concatenate([before, after]).flat}
    pictures = _read(source, victim.bundle, wanted)
    names = victim.bundle.class_names

    def labelled(row: int) -> tuple[bytes, str]:
        return _png(pictures[gallery.pixel_hashes[row]]), _label(gallery.labels[row], names)

    shown = tuple(
        Answered(
            id=whole.ids[row],
            label=_label(attacker.labels[row], names),
            attack=worst,
            pictures=_triple(attacker.images[row].cpu().numpy(), one.images[place]),
            hits=(
                tuple(labelled(hit) for hit in before[place].tolist()),
                tuple(labelled(hit) for hit in after[place].tolist()),
            ),
            refused=(bool(whole.clean.refused[row]), bool(one.result.seen.refused[row])),
            precision=(
                float(whole.clean.precision[row]),
                float(one.result.seen.precision[row]),
            ),
        )
        for place, row in enumerate(one.rows.tolist())
    )
    return replace(whole, shown=shown)


def _triple(
    clean: Float32[np.ndarray, "channels height width"],
    changed: Float32[np.ndarray, "channels height width"],
) -> tuple[bytes, bytes, bytes]:
    """Return a picture, the change about middle grey as large as it can be drawn, and both."""
    change = changed - clean
    scale = 0.5 / max(float(np.abs(change).max()), 1e-6)
    return _png(clean), _png(0.5 + scale * change), _png(changed)


def _png(picture: Float32[np.ndarray, "channels height width"]) -> bytes:
    whole = picture if len(picture) > 1 else np.repeat(picture, 3, axis=0)
    return png(whole.transpose(1, 2, 0))


def _label(labels: Bool[np.ndarray, " classes"], names: tuple[str, ...]) -> str:
    return "|".join(compress(names, labels))
