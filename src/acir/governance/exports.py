"""Audit records in the words of others: JSON lines, FHIR AuditEvent, syslog of DICOM (ATNA)."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from acir.governance.audit import AuditRecord
from acir.governance.events import OUTCOMES

DCM = "http://dicom.nema.org/resources/ontology/DCM"
PURPOSE = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
APPLICATION = "acir"
PRIORITY = 10 * 8 + 5  # RFC 5424, 6.2.1: facility 10, security; severity 5, notice
MESSAGE = "DICOM+RFC3881"  # MSGID, PS3.15 A.6
BOM = "\ufeff"  # RFC 5424, 6.4: the message is UTF-8
# Of PS3.15 A.5.2: ParticipantObjectTypeCode and ParticipantObjectTypeCodeRole.
PERSON, SYSTEM = "1", "2"
PATIENT, QUERY, RESOURCE = "1", "24", "4"


def json_lines(records: Iterable[AuditRecord]) -> Iterator[str]:
    """Yield each record as one JSON object with its hash: all that the log holds."""
    for record in records:
        yield json.dumps(record.values, sort_keys=True)


def fhir_lines(records: Iterable[AuditRecord]) -> Iterator[str]:
    """Yield the lines of a FHIR R4 Bundle of AuditEvents, a resource a line."""
    yield '{"resourceType":"Bundle","type":"collection","entry":['
    before = ""
    for record in records:
        yield before + json.dumps({"resource": audit_event(record)})
        before = ","
    yield "]}"


def syslog_lines(records: Iterable[AuditRecord]) -> Iterator[str]:
    """Yield each record as a line of RFC 5424 whose message is the XML of PS3.15 A.5.1."""
    for record in records:
        head = f"<{PRIORITY}>1 {record.time} - {APPLICATION} - {MESSAGE} -"
        yield f"{head} {BOM}{tostring(audit_message(record), encoding='unicode')}"


FORMATS: Mapping[str, Callable[[Iterable[AuditRecord]], Iterator[str]]] = MappingProxyType(
    {"jsonl": json_lines, "fhir": fhir_lines, "syslog": syslog_lines}
)
"""What writes records, by the name of the format."""


def audit_event(record: AuditRecord) -> dict[str, Any]:
    """Return a record as a FHIR R4 AuditEvent, as the profile BALP of IHE fills it.

    BALP asks for the query itself; here stands its SHA-256, as a query may be a picture.
    """
    event, kind, actor = record.event, record.event.kind, record.event.actor
    subtypes = [_coding(kind.subcode, kind.submeaning)] if kind.subcode else []
    purposes = [{"coding": [{"system": PURPOSE, "code": actor.purpose}]}] if actor.purpose else []
    agent: dict[str, Any] = {"who": {"display": actor.user}, "requestor": True}
    if actor.role:
        agent["role"] = [{"text": actor.role}]
    if actor.address:
        agent["network"] = {"address": actor.address, "type": "2"}
    found = {
        "resourceType": "AuditEvent",
        "type": _coding(kind.code, kind.meaning),
        "subtype": subtypes,
        "action": kind.letter,
        "recorded": record.time,
        "outcome": str(OUTCOMES[event.outcome]),
        "purposeOfEvent": purposes,
        "agent": [agent],
        "source": {"observer": {"display": APPLICATION}},
        "entity": [_fhir_entity(*entity) for entity in _entities(record)],
    }
    return {key: value for key, value in found.items() if value != []}


def audit_message(record: AuditRecord) -> Element:
    """Return a record as the AuditMessage of PS3.15 A.5.1."""
    event, kind, actor = record.event, record.event.kind, record.event.actor
    message = Element("AuditMessage")
    identification = SubElement(
        message,
        "EventIdentification",
        EventActionCode=kind.letter,
        EventDateTime=record.time,
        EventOutcomeIndicator=str(OUTCOMES[event.outcome]),
    )
    _code(identification, "EventID", kind.code, "DCM", kind.meaning)
    if kind.subcode:
        _code(identification, "EventTypeCode", kind.subcode, "DCM", kind.submeaning)
    if actor.purpose:
        _code(identification, "PurposeOfUse", actor.purpose, PURPOSE, actor.purpose)
    who = SubElement(message, "ActiveParticipant", UserID=actor.user, UserIsRequestor="true")
    if actor.address:
        who.set("NetworkAccessPointID", actor.address)
        who.set("NetworkAccessPointTypeCode", "2")  # an address
    if actor.role:
        _code(who, "RoleIDCode", actor.role, "99ACIR", actor.role)
    source = SubElement(message, "AuditSourceIdentification", AuditSourceID=APPLICATION)
    _code(source, "AuditSourceTypeCode", "4", "DCM", "Application Server")
    for name, type_, role, details in _entities(record):
        _participant(message, name, (type_, role), details)
    return message


Entity = tuple[str, str, str, dict[str, str]]


def _entities(record: AuditRecord) -> list[Entity]:
    """List what an event is about: name, type, role and details of each."""
    event = record.event
    found: list[Entity] = [(patient, PERSON, PATIENT, {}) for patient in event.patients]
    if event.query:
        found.append((event.query, SYSTEM, QUERY, _told({"verdict": event.verdict})))
    about = {
        "model": event.model,
        "collection": event.collection,
        "count": str(event.count),
        "detail": event.detail,
        "seq": str(record.seq),
        "sha256": record.sha256,
    }
    found.append((event.index or APPLICATION, SYSTEM, RESOURCE, _told(about)))
    return found


def _told(words: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in words.items() if value}


def _fhir_entity(name: str, type_: str, role: str, details: Mapping[str, str]) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "what": {"identifier": {"value": name}},
        "type": {"system": ENTITY, "code": type_},
        "role": {"system": OBJECT_ROLE, "code": role},
    }
    if details:
        entity["detail"] = [{"type": key, "valueString": text} for key, text in details.items()]
    return entity


def _participant(
    message: Element, name: str, kind: tuple[str, str], details: Mapping[str, str]
) -> None:
    found = SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=name,
        ParticipantObjectTypeCode=kind[0],
        ParticipantObjectTypeCodeRole=kind[1],
    )
    words = ("2", "Patient Number") if kind[1] == PATIENT else ("12", "URI")
    _code(found, "ParticipantObjectIDTypeCode", words[0], "RFC-3881", words[1])
    SubElement(found, "ParticipantObjectName").text = name
    for key, text in details.items():
        value = b64encode(text.encode()).decode()
        SubElement(found, "ParticipantObjectDetail", type=key, value=value)


def _coding(code: str, meaning: str) -> dict[str, str]:
    return {"system": DCM, "code": code, "display": meaning}


def _code(parent: Element, name: str, code: str, system: str, meaning: str) -> None:
    SubElement(parent, name, {"csd-code": code, "codeSystemName": system, "originalText": meaning})
