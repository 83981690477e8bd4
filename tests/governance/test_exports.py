"""What other systems read: FHIR as its own library checks it, syslog by its grammar."""

import json
import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from fhir.resources.R4B.bundle import Bundle

from acir.governance.audit import Actor, AuditEvent, AuditLog, AuditRecord
from acir.governance.events import ACTIONS
from acir.governance.exports import FORMATS
from made_log import EVENT

# RFC 5424, section 6: PRI VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP SD.
SYSLOG = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+) (\S+) (\S+) (\S{1,32}) - "
    r"\ufeff(<AuditMessage>.*</AuditMessage>)"
)


@pytest.fixture
def records(tmp_path: Path) -> list[AuditRecord]:
    """Return a full record, and a bare one of every action."""
    with AuditLog.create(tmp_path) as log:
        log.append(replace(EVENT, outcome="denied"))
        log.append(*(AuditEvent(action, Actor("bob <&>")) for action in ACTIONS))
        return list(log.records())


def test_json_lines_are_all_that_the_log_holds(records: list[AuditRecord]) -> None:
    lines = [json.loads(line) for line in FORMATS["jsonl"](records)]
    assert [line["sha256"] for line in lines] == [record.sha256 for record in records]
    assert lines[0]["actor"] == {
        "user": "ada",
        "role": "researcher",
        "address": "10.0.0.1",
        "purpose": "TREAT",
    }
    assert lines[0]["patients"] == list(EVENT.patients)


def test_the_bundle_is_valid_fhir(records: list[AuditRecord]) -> None:
    bundle = Bundle.model_validate_json("\n".join(FORMATS["fhir"](records)))
    assert bundle.entry is not None
    assert len(bundle.entry) == len(records)
    assert Bundle.model_validate_json("\n".join(FORMATS["fhir"]([]))).entry == []


def test_an_audit_event_says_who_did_what_to_whom(records: list[AuditRecord]) -> None:
    found = json.loads("\n".join(FORMATS["fhir"](records)))["entry"][0]["resource"]
    assert found["type"]["code"] == "110112"
    assert (found["action"], found["outcome"]) == ("E", "4")
    assert found["recorded"] == records[0].time
    (agent,) = found["agent"]
    assert agent["who"]["display"] == "ada"
    assert agent["network"]["address"] == "10.0.0.1"
    assert found["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
    named = [(one["what"]["identifier"]["value"], one["role"]["code"]) for one in found["entity"]]
    assert named == [
        (EVENT.patients[0], "1"),  # Patient
        (EVENT.patients[1], "1"),
        (EVENT.query, "24"),  # Query
        ("index", "4"),  # Domain Resource
    ]
    details = {one["type"]: one["valueString"] for one in found["entity"][3]["detail"]}
    assert details["model"] == "m1"
    assert details["sha256"] == records[0].sha256
    assert found["entity"][2]["detail"] == [{"type": "verdict", "valueString": "known"}]


def test_a_syslog_line_is_one_of_rfc_5424_with_the_message_of_dicom(
    records: list[AuditRecord],
) -> None:
    for line, record in zip(FORMATS["syslog"](records), records, strict=True):
        match = SYSLOG.fullmatch(line)
        assert match, line
        assert match.groups()[:6] == ("85", record.time, "-", "acir", "-", "DICOM+RFC3881")
        message = fromstring(match[7])
        # PS3.15 A.5.1: these elements, in this order.
        names = [child.tag for child in message]
        assert names[:3] == [
            "EventIdentification",
            "ActiveParticipant",
            "AuditSourceIdentification",
        ]
        assert set(names[3:]) == {"ParticipantObjectIdentification"}
        event = message.find("EventIdentification/EventID")
        assert event is not None
        assert event.attrib == {
            "csd-code": record.event.kind.code,
            "codeSystemName": "DCM",
            "originalText": record.event.kind.meaning,
        }
    who = message.find("ActiveParticipant")
    assert who is not None
    assert who.attrib == {"UserID": "bob <&>", "UserIsRequestor": "true"}


def test_the_details_of_a_syslog_line_are_in_base64(records: list[AuditRecord]) -> None:
    match = SYSLOG.fullmatch(next(iter(FORMATS["syslog"](records))))
    assert match
    details = {
        one.attrib["type"]: b64decode(one.attrib["value"]).decode()
        for one in fromstring(match[7]).iter("ParticipantObjectDetail")
    }
    assert details == {
        "verdict": "known",
        "model": "m1",
        "collection": "ct",
        "count": "3",
        "detail": "by the page",
        "seq": "1",
        "sha256": records[0].sha256,
    }
