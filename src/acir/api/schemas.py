"""What goes over the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PREFIX = "/api/v1"  # a change that breaks a caller takes the next number
WORD = 256  # characters of an id or a filter
EXAMPLES = 32  # pictures that may be called like or unlike
Word = Annotated[str, Field(max_length=WORD)]
Examples = Annotated[list[Word], Field(max_length=EXAMPLES)]


class Wire(BaseModel):
    """Base of all: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


class Problem(Wire):
    """An error, after RFC 9457."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field("", examples=["k is 0, expected at least 1, the hits wanted"])


class Calibration(Wire):
    """What the verdict promises, and on how many pictures that rests."""

    n: int = Field(description="calibration pictures", examples=[999])
    r: int = Field(examples=[21])
    alpha: float = Field(description="false-alarm rate asked for", examples=[0.03])
    promised: float | None = Field(description="the rate where it is promised", examples=[0.03])


class Verdict(Wire):
    """Whether a picture is of a kind that the model knows."""

    query: str = Field(examples=["picture 1"])
    verdict: Literal["known", "caution", "unknown"]
    p_value: float = Field(description="share of ordinary pictures as unusual", examples=[0.32])
    reason: str = Field(examples=["32 in 100 ordinary pictures look this unusual (p = 0.32)"])
    reason_code: str = Field(examples=["ordinary"])
    scores: dict[str, float] = Field(description="p-value of each detector")
    calibration: Calibration
    pictures: int = Field(1, description="how many it is on together", examples=[1])


class Match(Wire):
    """The stored picture that spoke for a case when one view was asked about."""

    view: str = Field(examples=["picture 1"])
    id: str
    similarity: float = Field(description="of the two, in [0, 1]", examples=[0.93])


class Hit(Wire):
    """One retrieved picture."""

    rank: int = Field(examples=[1])
    id: str = Field(examples=["0a1b2c3d4e5f60718293a4b5c6d7e8f9"])
    label: str = Field(description="class names joined by |, or empty", examples=["ChestCT"])
    distance: int = Field(description="bits of the codes that differ", examples=[2])
    similarity: float = Field(description="in [0, 1]", examples=[0.93])
    path: str | None = None
    case: str | None = Field(None, description="what the hit stands for, where `per` was given")
    matches: list[Match] = Field([], description="what decided, where `per` and views were given")
    metadata: dict[str, str] = Field(examples=[{"modality": "CT"}])


class Answer(Wire):
    """The answer to one query."""

    key: str | None = Field(description="names the query for half an hour; None for a stored one")
    query: str = Field(examples=["picture 1"])
    verdict: Literal["known", "caution", "unknown"] | None
    p_value: float | None
    reason: str | None
    reason_code: str | None
    mode: str = Field(description="what ordered the hits", examples=["fused"])
    hits: list[Hit]
    folded: int = Field(description="near-duplicates left out")
    views: list[str]
    worst_view: str | None
    risk: float | None
    risk_promised: float | None
    notices: list[str]
    labels: dict[str, int] = Field(description="how often each label is among the hits")


class Named(Wire):
    """What a PACS calls an instance, a series or a study."""

    uid: Word = Field("", description="its UID; or give `orthanc`")
    orthanc: Word = Field("", description="what an Orthanc calls it")


class Feedback(Wire):
    """Which hits were like what is looked for, and which were not."""

    key: Word | None = Field(None, description="of an earlier answer; or give `id`")
    id: Word | None = Field(None, description="of a stored picture; or give `key`")
    positive: Examples = Field([], description="ids of stored pictures that were right")
    negative: Examples = Field([], description="ids of stored pictures that were wrong")
    k: int = Field(10, ge=1, le=200)


class Record(Wire):
    """One stored picture."""

    id: str
    label: str
    patient: str | None = Field(description="keyed hash; no name or number")
    path: str | None
    metadata: dict[str, str]
    has_thumbnail: bool


class Index(Wire):
    """The index and what can be filtered by."""

    name: str
    pictures: int
    model: str = Field(description="identity of the bundle")
    modes: list[str]
    collections: dict[str, int] = Field(description="those that you may see, with their pictures")
    filters: dict[str, dict[str, int]] = Field(description="values by key, with their counts")


class Job(Wire):
    """Pictures that are being added."""

    id: str
    collection: str
    total: int
    stage: Literal["waiting", "running", "done", "failed"]
    done: int = Field(description="pictures that were looked at")
    counts: dict[str, int] = Field(description="new, replaced and unchanged, once it is done")
    notes: list[str]


class Deleted(Wire):
    """How many pictures were deleted."""

    deleted: int


class State(Wire):
    """Whether the server is well."""

    status: Literal["ok"] = "ok"


class Readiness(State):
    """Whether the server can answer."""

    pacs: Literal["ok", "not found"] | None = Field(
        None, description="whether the name of the PACS can be resolved, where there is one"
    )
