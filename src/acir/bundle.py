"""A bundle: one folder with everything that inference needs, and nothing that is executed.

::

    bundle.json            format, classes, recipe, preparation, rankers, gate settings, answer sets
    weights.safetensors    the network
    gate.safetensors       what the detectors learned, with their reference embeddings, unnamed;
                           what sizes answer sets
    calibration.json       pixel hashes of the pictures that calibrated the gate
    training.json          pixel hashes of the pictures that taught or validated the model
    MODEL_CARD.md          what it is, for a person
    checksums.json         SHA-256 of each of the others; its own SHA-256 is the bundle's id
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from acir import ranking, recipe
from acir.answer_set import AnswerSets
from acir.durable import whole_folder
from acir.errors import AcirError, BundleError, StorageError, UsageError, suggestion
from acir.gate import Gate
from acir.models.encoder import Encoder
from acir.models.evidence import collect_evidence, encode_with
from acir.prep.pipeline import Prep
from acir.ranking.base import Ranker
from acir.recipe import Recipe
from acir.tensors import Evidence, chosen_device

FORMAT = 6
SETTINGS = "bundle.json"
WEIGHTS = "weights.safetensors"
GATE = "gate.safetensors"
CALIBRATION = "calibration.json"
TRAINING = "training.json"
CARD = "MODEL_CARD.md"
CHECKSUMS = "checksums.json"
DOUBTS = "answer_sets.doubts"  # among the arrays of the gate
FILES = (SETTINGS, WEIGHTS, GATE, CALIBRATION, TRAINING, CARD)
NEVER: Mapping[str, Any] = MappingProxyType({})
# What putting a model together from foreign settings and arrays may raise.
MISFITS = (
    AcirError,
    AttributeError,
    LookupError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Bundle:
    """A trained model ready to answer.

    Attributes:
        recipe: How it was trained.
        class_names: In the order of the class head.
        prep: From record to picture.
        encoder: The network, in evaluation mode.
        gate: The knowledge boundary.
        rankers: The orders it can give, by name.
        mode: Name of the ranker that validation favours.
        calibration: Pixel hashes of the pictures that calibrated the gate; they belong neither in
            training nor in an index.
        training: Pixel hashes of the pictures that taught or validated the model; no promise can
            be made from them.
        card: The model card, as Markdown.
        answer_sets: What sizes an answer for a chosen risk; None where nothing can be promised.
        calibrated: When and by what the gate was calibrated anew; empty where training did it.
        id: SHA-256 that identifies it; empty before it is written.
    """

    recipe: Recipe
    class_names: tuple[str, ...]
    prep: Prep
    encoder: Encoder
    gate: Gate
    rankers: Mapping[str, Ranker]
    mode: str
    calibration: frozenset[str]
    training: frozenset[str]
    card: str
    answer_sets: AnswerSets | None = None
    calibrated: Mapping[str, Any] = field(default_factory=lambda: NEVER)
    id: str = ""

    def evidence(self, images: Float[Tensor, "batch 3 height width"]) -> Evidence:
        """Encode prepared pictures and collect what the detectors of the gate look at."""
        return collect_evidence(self.encoder, images, rebuild=self.gate.needs_decoder)

    def heat_map(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch height width"] | None:
        """Return where prepared pictures differ from known ones, or None; see `Gate.heat_map`.

        It is asked for few pictures, so it encodes them again, this time with the decoder.
        """
        if not self.gate.draws_heat_maps:
            return None
        return self.gate.heat_map(collect_evidence(self.encoder, images))

    def mode_named(self, name: str | None) -> str:
        """Return the name of a ranker; None means the one that validation favours.

        Raises:
            UsageError: There is no such ranker.
        """
        mode = name or self.mode
        if mode not in self.rankers:
            known = sorted(self.rankers)
            raise UsageError(
                f"there is no mode {mode!r}; choose one of {', '.join(known)}."
                f"{suggestion(mode, known)}"
            )
        return mode


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle beside its place and move it there, so that none is ever half-written.

    A bundle that is already there is replaced.

    Raises:
        StorageError: The disk is full or cannot be written.
    """
    try:
        with whole_folder(folder, replacing=True) as part:
            _write_files(bundle, part)
    except (SafetensorError, OSError) as error:
        raise StorageError(
            f"cannot write the bundle {folder.name}: {error}; make room for it, then run the "
            "command again"
        ) from error


def copy_bundle(source: Path, folder: Path) -> None:
    """Copy the files of a bundle, and nothing else that may lie beside them, to a new folder."""
    folder.mkdir()
    for name in (*FILES, CHECKSUMS):
        shutil.copyfile(source / name, folder / name)


def _write_files(bundle: Bundle, part: Path) -> None:
    gate_arrays, gate_settings = bundle.gate.state()
    settings = {
        "format": FORMAT,
        "classes": list(bundle.class_names),
        "recipe": recipe.to_dict(bundle.recipe),
        "prep": bundle.prep.to_dict(),
        "rankers": {name: dict(ranker.config()) for name, ranker in bundle.rankers.items()},
        "mode": bundle.mode,
        "gate": gate_settings,
        "answer_sets": None,
        "calibrated": dict(bundle.calibrated),
    }
    if bundle.answer_sets is not None:
        sets = bundle.answer_sets
        settings["answer_sets"] = {"gallery": sets.gallery, "pictures": sets.pictures}
        gate_arrays |= {DOUBTS: torch.from_numpy(np.sort(sets.doubts))}
    weights = {name: value.contiguous() for name, value in bundle.encoder.state_dict().items()}
    save_file(weights, part / WEIGHTS)
    save_file(gate_arrays, part / GATE)
    _write_json(part / SETTINGS, settings)
    _write_json(part / CALIBRATION, sorted(bundle.calibration))
    _write_json(part / TRAINING, sorted(bundle.training))
    (part / CARD).write_text(bundle.card, encoding="utf-8")
    _write_json(part / CHECKSUMS, {name: _checksum(part / name) for name in FILES})


def load_bundle(folder: Path, device: str = "cpu") -> Bundle:
    """Load a bundle after checking that no byte of it has changed.

    Args:
        folder: Where it is.
        device: Where the network is to run; see `acir.tensors.chosen_device`.

    Raises:
        BundleError: It is missing, incomplete, altered, truncated or of another format.
        UsageError: There is no such device here.
    """
    where = chosen_device(device)
    identity = verify_bundle(folder)
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    try:
        bundle = _assembled(folder, settings, identity)
    except MISFITS as error:
        raise BundleError(
            f"the bundle at {folder} does not describe a model that this version of acir knows "
            f"({' '.join(str(error).split())}); train it again or use the version that wrote it"
        ) from error
    bundle.encoder.to(where)
    return bundle


def verify_bundle(folder: Path) -> str:
    """Check every file of a bundle against its checksum and return the bundle's id.

    Raises:
        BundleError: It is missing, incomplete, altered, truncated or of another format.
    """
    listing = folder / CHECKSUMS
    if not listing.is_file():
        raise BundleError(
            f"there is no bundle at {folder}: it has no {CHECKSUMS}; give the folder `bundle` "
            "that `acir train` wrote"
        )
    try:
        expected = json.loads(listing.read_text(encoding="utf-8"))
        changed = [n for n in FILES if _checksum(folder / n) != expected[n]]
        written_format = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))["format"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"the bundle at {folder} is incomplete or damaged; restore it from a copy"
        ) from error
    if changed:
        raise BundleError(
            f"the bundle at {folder} was altered, by the checksum of {', '.join(changed)}; "
            "restore it from a copy"
        )
    if written_format != FORMAT:
        raise BundleError(
            f"the bundle at {folder} has format {written_format}, expected {FORMAT}; use the "
            "version of acir that wrote it"
        )
    return _checksum(listing)


def _assembled(folder: Path, settings: Mapping[str, Any], identity: str) -> Bundle:
    trained_by = recipe.from_dict(settings["recipe"])
    class_names = tuple(settings["classes"])
    encoder = Encoder(trained_by.model, len(class_names))
    encoder.load_state_dict(load_file(folder / WEIGHTS))
    rankers = {n: ranking.get(n)(**config) for n, config in settings["rankers"].items()}
    if settings["mode"] not in rankers:
        raise ValueError(f"there is no ranker {settings['mode']!r}")
    gate_arrays = load_file(folder / GATE)
    return Bundle(
        recipe=trained_by,
        class_names=class_names,
        prep=Prep.from_dict(settings["prep"]),
        encoder=encoder.eval(),
        gate=Gate.load(gate_arrays, settings["gate"], encode_with(encoder)),
        rankers=rankers,
        mode=settings["mode"],
        calibration=_hashes(folder / CALIBRATION),
        training=_hashes(folder / TRAINING),
        card=(folder / CARD).read_text(encoding="utf-8"),
        answer_sets=_answer_sets(gate_arrays, settings.get("answer_sets")),
        calibrated=dict(settings["calibrated"]),
        id=identity,
    )


def _answer_sets(
    arrays: Mapping[str, Shaped[Tensor, "..."]], kept: Mapping[str, Any] | None
) -> AnswerSets | None:
    """Return what sizes answer sets; bundles written before there were any say nothing of it."""
    return None if kept is None else AnswerSets(arrays[DOUBTS].numpy(), **kept)


def _hashes(path: Path) -> frozenset[str]:
    return frozenset(json.loads(path.read_text(encoding="utf-8")))


def _write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - any plain value
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _checksum(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
