"""What an audit record says, in the terms of DICOM and FHIR.

An action of acir is an event of DICOM PS3.15 A.5 and FHIR's AuditEvent (profile BALP of IHE); the
codes are those of PS3.16, context group 400 and following.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Outcome = Literal["success", "denied", "failed"]
"""How an action ended: done, refused to who asked, or begun and not done."""

OUTCOMES: Mapping[Outcome, int] = MappingProxyType({"success": 0, "denied": 4, "failed": 8})
"""EventOutcomeIndicator of PS3.15 A.5.2: success, minor failure, serious failure."""

PSEUDONYM = re.compile(r"[0-9a-f]{32}")
HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Kind:
    """How DICOM calls an action.

    Attributes:
        code: EventID, a code of DCM.
        meaning: Its meaning in PS3.16.
        letter: EventActionCode: create, read, update, delete or execute.
        subcode: EventTypeCode, a code of DCM, or nothing.
        submeaning: Its meaning in PS3.16.
    """

    code: str
    meaning: str
    letter: Literal["C", "R", "U", "D", "E"]
    subcode: str = ""
    submeaning: str = ""


_QUERY = Kind("110112", "Query", "E")
_EXPORT = Kind("110106", "Export", "R")


def _alert(subcode: str, submeaning: str) -> Kind:
    return Kind("110113", "Security Alert", "E", subcode, submeaning)


def _authentication(subcode: str, submeaning: str) -> Kind:
    return Kind("110114", "User Authentication", "E", subcode, submeaning)


ACTIONS: Mapping[str, Kind] = MappingProxyType(
    {
        "start": Kind("110100", "Application Activity", "E", "110120", "Application Start"),
        "stop": Kind("110100", "Application Activity", "E", "110121", "Application Stop"),
        "search": _QUERY,
        "check": _QUERY,
        "view": Kind("110103", "DICOM Instances Accessed", "R"),
        "annotate": Kind("110103", "DICOM Instances Accessed", "U"),
        "delete": Kind("110103", "DICOM Instances Accessed", "D"),
        "add": Kind("110107", "Import", "C"),
        "export": _EXPORT,
        "backup": _EXPORT,
        "erase": Kind("110110", "Patient Record", "D"),
        "login": _authentication("110122", "Login"),
        "logout": _authentication("110123", "Logout"),
        "emergency": _alert("110127", "Emergency Override Started"),
        "emergency-end": _alert("110138", "Emergency Override Stopped"),
        "person": _alert("110137", "User Security Attributes Changed"),
        "role": _alert("110136", "Security Roles Changed"),
        "model": _alert("110131", "Software Configuration"),
        "audit": Kind("110101", "Audit Log Used", "R"),
        "archive": Kind("110101", "Audit Log Used", "R"),
    }
)
"""Every action that is recorded, by its name."""


@dataclass(frozen=True)
class Actor:
    """Who acts, and from where.

    Attributes:
        user: Name of a person who may use acir, or of the user of the operating system.
        role: The role in which they act, such as `researcher`; empty where there are no roles.
        address: Network address of the client; empty on the machine itself.
        purpose: Why, a code of HL7's PurposeOfUse such as `TREAT`, `HRESCH` or `ETREAT`; may be
            empty.
    """

    user: str
    role: str = ""
    address: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class AuditEvent:
    """One action, before it is written to the log. It holds pseudonyms alone.

    Attributes:
        action: A key of `ACTIONS`.
        actor: Who.
        outcome: How it ended.
        collection: In which collection; empty where it is none.
        patients: Keyed hashes of the patients whose data were shown or changed.
        query: SHA-256 of what was asked (`Entry.pixel_hash` of a picture), never the query itself.
        model: Identity of the bundle.
        index: Name of the folder of the index.
        verdict: `known`, `caution` or `unknown`; empty where no gate was asked.
        count: Pictures that were shown or changed.
        detail: A few words, such as whom a role was given, or the reason of an emergency; no
            names of patients.

    Raises:
        ValueError: The action is unknown, a patient is no keyed hash or a query no SHA-256.
    """

    action: str
    actor: Actor
    outcome: Outcome = "success"
    collection: str = ""
    patients: tuple[str, ...] = ()
    query: str = ""
    model: str = ""
    index: str = ""
    verdict: str = ""
    count: int = 0
    detail: str = ""

    def __post_init__(self) -> None:
        """Refuse what must not be written."""
        if self.action not in ACTIONS:
            raise ValueError(f"{self.action!r} is no action; use one of {', '.join(ACTIONS)}")
        if not all(PSEUDONYM.fullmatch(patient) for patient in self.patients):
            raise ValueError("an audit record takes patients as keyed hashes of 32 hex digits only")
        if self.query and not HASH.fullmatch(self.query):
            raise ValueError("an audit record takes a query as its SHA-256 of 64 hex digits only")

    @property
    def kind(self) -> Kind:
        """How DICOM calls it."""
        return ACTIONS[self.action]
