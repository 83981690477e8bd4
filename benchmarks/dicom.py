"""What the guard costs: slices of a CT from a folder, beside plain pydicom.

    python benchmarks/dicom.py --out benchmarks/results/dicom_ingest.json

Every contender reads the same files of 512 x 512 and 16 bit and gives values after the modality
transformation:

- `pydicom`: dcmread, pixel_array and apply_modality_lut, in this process;
- `reader`: what a child runs, in this process: header checks, window, keyed hashes;
- `one child`: the guard with one child, a file at a time;
- `ingest`: the source `dicom:`, as `acir index build` iterates it, with a child a processor.

The first three read one file a round, in turn, so that a noisy machine disturbs all alike; the last
reads the whole folder. Ratios are of the best rounds.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from acir.bench.conditions import conditions
from acir.bench.harness import Work, interleaved, once, summary
from acir.pacs.guard import Pool
from acir.pacs.reader import read
from acir.sources.base import SourceOptions, open_source

KEY = bytes(range(32))
SIDE = 512
BASE = "pydicom"
WHOLE_ROUNDS = 40


def write_slices(folder: Path, count: int) -> list[Path]:
    """Write a series of slices that compress no better than real ones."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.Modality = CTImageStorage, "CT"
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=["slice", str(number)])
        dataset.PatientID, dataset.BodyPartExamined = "4711", "CHEST"
        dataset.Rows = dataset.Columns = SIDE
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelRepresentation = 1
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.WindowCenter, dataset.WindowWidth = 40, 400
        dataset.PixelData = rng.integers(0, 2000, (SIDE, SIDE), dtype=np.int16).tobytes()
        path = folder / f"{number:04d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def contenders(paths: list[Path], pool: Pool) -> dict[str, Work]:
    """Return what is timed, by name; each reads one file a round."""

    def plain(number: int) -> None:
        dataset = dcmread(paths[number % len(paths)])
        apply_modality_lut(dataset.pixel_array, dataset)

    def in_process(number: int) -> None:
        read(paths[number % len(paths)].read_bytes(), KEY, "a")

    def one_child(number: int) -> None:
        pool.read(paths[number % len(paths)].read_bytes(), KEY, "a")

    return {BASE: plain, "reader": in_process, "one child": one_child}


def ingest(folder: Path, slices: int) -> None:
    """Read the folder as `acir index build` does."""
    source = open_source(f"dicom:{folder}", SourceOptions(strict=True, key=KEY))
    assert sum(1 for _ in source) == slices


def measured(slices: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return the figures of a slice by the names of the contenders."""
    with TemporaryDirectory() as folder, Pool(workers=1) as pool:
        works = contenders(write_slices(Path(folder), slices), pool)
        times = interleaved(works, rounds, lambda _: None)
        whole = partial(ingest, Path(folder), slices)
        whole()  # starts the children
        figures = {name: summary(seconds) for name, seconds in times.items()}
        figures["ingest"] = summary([once(whole) for _ in range(WHOLE_ROUNDS)], slices)
    for one in figures.values():
        one["slices_per_s"] = 1000 / one["best_ms"]
        one["to_pydicom"] = one["best_ms"] / figures[BASE]["best_ms"]
    return figures


def main() -> None:
    """Measure, print a table and write the figures with their conditions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = measured(options.slices, options.rounds)
    for name, one in figures.items():
        print(f"{name:10} " + "  ".join(f"{key} {value:.2f}" for key, value in one.items()))  # noqa: T201 - a script
    if options.out:
        found = {"conditions": conditions(), **vars(options), "out": None, "figures": figures}
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
