"""How long after a PACS has stored an instance it can be found in an index that follows it.

    PYTHONPATH=tests python benchmarks/pacs_lag.py runs/cells/bundle --rate 50 --count 500

A real Orthanc on this machine is given instances at a steady rate; `acir pacs sync` follows it, as
another process. The lag of an instance is the time from Orthanc's answer to the commit of its
picture. Printed is one JSON object: lags in seconds, the rate that was reached, and the load of the
machine, as all three share its processors.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import httpx
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from acir.privacy.pseudonym import load_key, pseudonym
from made_orthanc import CREDENTIALS, MadeOrthanc, configured, running, slice_of, uid, uids

LOOK = 0.01  # seconds between two looks at the index
SENDERS = 4


def file(number: int) -> bytes:
    """Make a DICOM file of 32 x 32 pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    for keyword, value in uids(number).items():
        setattr(dataset, keyword, value)
    dataset.PatientID, dataset.Modality = f"P{number // 10}", "CT"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = 32
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.PixelData = slice_of(number).tobytes()
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def watch(index: Path, seen: dict[str, float], enough: Event) -> None:
    """Note when the id of each picture is first committed."""
    last = 0
    with closing(sqlite3.connect(f"file:{index / 'store.sqlite'}?mode=ro", uri=True)) as database:
        while not enough.is_set():
            sql = "select row, id from item where row > ? order by row"
            for last, name in database.execute(sql, [last]):  # noqa: B007, B020 - where to go on
                seen[name] = time.monotonic()
            time.sleep(LOOK)


def feed(made: MadeOrthanc, numbers: range, rate: float) -> dict[int, float]:
    """Store instances at a rate, by several senders; return when each was."""
    files = {number: file(number) for number in numbers}
    begun = time.monotonic()

    def send(number: int) -> tuple[int, float]:
        time.sleep(max(0.0, begun + (number - numbers.start) / rate - time.monotonic()))
        client.post(f"{made.url}/instances", content=files[number]).raise_for_status()
        return number, time.monotonic()

    with httpx.Client(auth=CREDENTIALS) as client, ThreadPoolExecutor(SENDERS) as senders:
        return dict(senders.map(send, numbers))


def measure(bundle: Path, rate: float, count: int, folder: Path) -> dict[str, object]:
    """Run everything and return the figures."""
    with running(folder / "orthanc") as made:
        index = folder / "index"
        config = configured(folder, made, index)
        config.write_text(f'model = "{bundle.absolute()}"\n{config.read_text()}', encoding="utf-8")
        made.store(file(0))
        acir = [str(Path(sys.executable).with_name("acir")), "pacs", "sync", str(config)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with subprocess.Popen(acir, env=environment, stderr=subprocess.DEVNULL) as process:
            seen, enough = dict[str, float](), Event()
            while not (index / "store.sqlite").is_file():
                time.sleep(LOOK)
            watcher = Thread(target=watch, args=(index, seen, enough))
            watcher.start()
            while not seen:  # it is warm once it has the first
                time.sleep(LOOK)
            stored = feed(made, range(1, count + 1), rate)
            end = time.monotonic() + 60.0
            while len(seen) <= count and time.monotonic() < end:
                time.sleep(LOOK)
            enough.set()
            watcher.join()
            process.terminate()
        key = load_key(index / "secret.key")
    names = {number: pseudonym(key, "instance", uid(number)) for number in stored}
    lags = np.array([seen[names[n]] - at for n, at in stored.items() if names[n] in seen])
    times = sorted(stored.values())
    return {
        "instances": count,
        "found": len(lags),
        "stores_per_second": (count - 1) / (times[-1] - times[0]),
        "lag_median": float(np.median(lags)),
        "lag_p95": float(np.quantile(lags, 0.95)),
        "lag_max": float(lags.max()),
        "load_per_processor": os.getloadavg()[0] / (os.cpu_count() or 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--count", type=int, default=500)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="acir-") as folder:
        found = measure(given.bundle, given.rate, given.count, Path(folder))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
