"""Pictures that are being added to a served index, one job after another.

A job is a folder beside the index, renamed into place once all of it is on the disk. Whatever stops
the server then, the job is done when it runs again; adding a picture twice changes nothing.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from secrets import token_hex
from threading import Lock, Thread
from typing import Any, Literal

from acir.durable import part_of, whole_folder
from acir.errors import AcirError, StorageError, UsageError
from acir.index.filters import DEFAULT
from acir.index.folder import refuse_read_only
from acir.pacs.reader import is_dicom
from acir.workflows import index
from acir.workflows.index_creation import refuse_collection
from acir.workflows.recording import elsewhere

FOLDER = "uploads"
ABOUT = "job.json"
PART = ".part"  # of a job that is not whole
DICOM, PICTURES = "dicom", "pictures"
LONGEST_LABEL = 64
REMEMBERED = 1000  # jobs that are over

Stage = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True)
class Job:
    """Pictures that somebody wants to be added.

    Attributes:
        id: Names it; nobody else can guess it.
        owner: Who wants it.
        collection: Where the pictures are to belong.
        total: How many there are.
        stage: How far it is.
        done: Pictures that were looked at.
        counts: How many were new, replaced and unchanged, once it is done.
        notes: What a person should know of them.
    """

    id: str
    owner: str
    collection: str
    total: int
    stage: Stage = "waiting"
    done: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.stage in {"done", "failed"}


class Additions(AbstractContextManager["Additions"]):
    """The jobs of an index; close it or use it as a context.

    Args:
        folder: Of the index.
        witness: Is told of each job that is over.
    """

    def __init__(self, folder: Path, witness: Callable[[Job], None]) -> None:
        self._index, self._place, self._witness = folder, folder / FOLDER, witness
        self._jobs: dict[str, Job] = {}
        self._changing = Lock()
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._is_closing = False
        for job in self._unfinished():
            self._keep(job)
            self._queue.put(job.id)
        self._thread = Thread(target=self._work, name="acir-additions", daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """End the job that runs; the others wait for the next start."""
        self._is_closing = True
        self._queue.put(None)  # for a thread that waits for a job
        self._thread.join()

    def begin(self, owner: str, files: Sequence[bytes], label: str, collection: str) -> Job:
        """Take pictures over: once this returns, they will be added whatever happens.

        Args:
            owner: Who wants it.
            files: Contents of DICOM, PNG, JPEG, TIFF or BMP files.
            label: Class name of all of them; may be empty.
            collection: Where they are to belong.

        Raises:
            UsageError: The label could not be the name of a folder, or the collection not granted.
            StorageError: They cannot be written, or the index cannot.
        """
        refuse_read_only(self._index)
        is_word = label.isprintable() and len(label) <= LONGEST_LABEL
        if not is_word or "/" in label or label.startswith("."):
            raise UsageError(
                f"a label has at most {LONGEST_LABEL} characters and no slash, and does not begin "
                "with a point; choose another one"
            )
        collection = collection or DEFAULT
        refuse_collection(collection)
        job = Job(token_hex(16), owner, collection, len(files))
        try:
            self._write(job, files, label)
        except OSError as error:
            raise StorageError(f"the pictures cannot be kept: {error.strerror}") from error
        self._keep(job)
        self._queue.put(job.id)
        return job

    def find(self, name: str, owner: str) -> Job | None:
        """Return a job to its owner, else None."""
        job = self._jobs.get(name)
        return job if job is not None and job.owner == owner else None

    def _write(self, job: Job, files: Sequence[bytes], label: str) -> None:
        with whole_folder(self._place / job.id) as part:
            rows = [_kept(part, data, label) for data in files]
            _manifest(part, [row for row in rows if row], label)
            (part / ABOUT).write_text(json.dumps(asdict(job)), encoding="utf-8")

    def _unfinished(self) -> Iterator[Job]:
        """Read the jobs that a server before left, and remove what it did not acknowledge."""
        for place in sorted(self._place.glob("*")):
            if place.name.endswith(PART):
                shutil.rmtree(place)
            else:
                about = json.loads((place / ABOUT).read_text(encoding="utf-8"))
                yield Job(**{key: about[key] for key in ("id", "owner", "collection", "total")})

    def _work(self) -> None:
        while (name := self._queue.get()) is not None and not self._is_closing:
            job = self._keep(replace(self._jobs[name], stage="running"))
            try:
                over = self._added(job)
            except Exception as error:  # whatever it was, the next job is begun
                over = self._failed(name, error)
            try:
                self._witness(over)
                _discard(self._place / name)
            except (AcirError, OSError) as error:  # done again, and told, by the next start
                over = self._failed(name, error)
            self._keep(over)

    def _failed(self, name: str, error: Exception) -> Job:
        notes = (f"they could not be added ({type(error).__name__})",)
        return replace(self._jobs[name], stage="failed", notes=notes)

    def _added(self, job: Job) -> Job:
        counts, notes = {"new": 0, "replaced": 0, "unchanged": 0}, list[str]()
        place = self._place / job.id
        for data in (place / DICOM, place / PICTURES / "manifest.csv"):
            if not data.exists():
                continue
            added = index.add(
                self._index,
                str(data),
                collection=job.collection,
                moving=False,  # what others look after is not the owner's to take away
                refusing=False,  # a job has two sources, and its notes say what cannot be read
                progress=self._progress(job.id),
                say=notes.append,
                recording=elsewhere,  # the server does, in the name of who wanted it
            )
            counts = {key: counts[key] + value for key, value in asdict(added).items()}
        return replace(
            self._jobs[job.id], stage="done", done=job.total, counts=counts, notes=tuple(notes)
        )

    def _progress(self, name: str) -> Any:  # noqa: ANN401 - a `Progress`
        @contextmanager
        def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
            def tick(count: int) -> None:
                job = self._jobs[name]
                self._keep(replace(job, done=min(job.total, job.done + count)))

            yield tick

        return progress

    def _keep(self, job: Job) -> Job:
        with self._changing:
            self._jobs[job.id] = job
            if job.is_over:
                over = [name for name, one in self._jobs.items() if one.is_over]
                for name in over[:-REMEMBERED]:
                    del self._jobs[name]
        return job


def _discard(place: Path) -> None:
    """Remove a job; killed amid this, it leaves what the next start takes for none."""
    part = part_of(place)
    place.rename(part)
    shutil.rmtree(part, ignore_errors=True)


def _kept(part: Path, data: bytes, label: str) -> str:
    """Write a picture under a name that tells nothing but its content; return that of no DICOM."""
    name = sha256(data).hexdigest()[:32]
    if is_dicom(data):
        place = part / DICOM / label / f"{name}.dcm"
    else:
        place = part / PICTURES / f"{name}.png"  # what it really is, its content says
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return "" if is_dicom(data) else place.name


def _manifest(part: Path, names: Sequence[str], label: str) -> None:
    if not names:
        return
    quoted = label.replace('"', '""')
    lines = ["path,label,split", *(f'{name},"{quoted}",train' for name in dict.fromkeys(names))]
    (part / PICTURES / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
