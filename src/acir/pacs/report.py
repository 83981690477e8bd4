"""An answer as a structured report: Comprehensive SR with TID 1500, Measurement Report.

One group of measurements (TID 1501) is about the image: the verdict, its reason and its p-value.
One more for each hit names a similar case and says how similar it is. The report is partial,
preliminary and unverified: no person has seen it.
"""

from highdicom.sr import (
    AlgorithmIdentification,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from acir.pacs.coding import reason, scheme, term
from acir.pacs.origin import Origin
from acir.pacs.own import MANUFACTURER
from acir.pacs.result import Maker, described, inherit, nameless, uid_of
from acir.types import Answer, Hit, Verdict

SERIES_NUMBER = 9901
DESCRIPTION = "acir: verdict and similar cases, not for diagnosis"
DIGITS = 6  # significant, as in JSON


def report(origin: Origin, answer: Answer, maker: Maker) -> ComprehensiveSR:
    """Write an answer as a structured report.

    Args:
        origin: The image that was asked about.
        answer: Its hits must carry nothing but pseudonyms; its verdict is given.
        maker: What answered.
    """
    assert answer.verdict is not None
    groups = [_boundary(origin, answer, answer.verdict, maker)]
    groups += [_similar(hit, maker) for hit in answer.hits]
    tree = MeasurementReport(
        observation_context=_observer(maker),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    document = ComprehensiveSR(
        evidence=[nameless(origin)],
        content=tree[0],
        is_complete=False,
        is_final=False,
        is_verified=False,
        coding_schemes=[scheme()],
        **described(maker, SERIES_NUMBER, DESCRIPTION),
    )
    inherit(document, origin)
    return document


def _observer(maker: Maker) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=maker.uid,
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=MANUFACTURER,
        serial_number=maker.bundle,
    )
    return ObservationContext(ObserverContext(codes.DCM.Device, device))


def _algorithm(maker: Maker) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        name=MANUFACTURER,
        version=maker.version,
        parameters=[f"bundle {maker.bundle}", *maker.parameters],
        family=codes.DCM.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
    )


def _boundary(
    origin: Origin, answer: Answer, verdict: Verdict, maker: Maker
) -> MeasurementsAndQualitativeEvaluations:
    image = SourceImageForMeasurementGroup(
        referenced_sop_class_uid=origin.header.SOPClassUID,
        referenced_sop_instance_uid=origin.header.SOPInstanceUID,
        referenced_frame_numbers=None if origin.frame is None else [origin.frame],
    )
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(generate_uid(prefix=None), "verdict"),
        finding_type=term("boundary"),
        algorithm_id=_algorithm(maker),
        qualitative_evaluations=[
            QualitativeEvaluation(term("verdict"), term(verdict.verdict)),
            QualitativeEvaluation(term("reason"), reason(verdict.reason_code)),
        ],
        measurements=[_measured("p-value", verdict.p_value)],
        source_images=[image],
    )
    for text in (verdict.reason, *answer.notices):
        _add_text(group, codes.DCM.Comment, text)
    return group


def _similar(hit: Hit, maker: Maker) -> MeasurementsAndQualitativeEvaluations:
    """Say how similar a case is; the image that it is similar to is that of the first group."""
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid_of(f"case:{hit.id}"), hit.id),
        finding_type=term("similar-case"),
        algorithm_id=_algorithm(maker),
        measurements=[
            _measured("rank", hit.rank),
            _measured("similarity", hit.similarity),
            _measured("distance", hit.distance, Code("bit", "UCUM", "bit")),
        ],
    )
    if hit.label:
        _add_text(group, term("class"), hit.label)
    return group


def _measured(name: str, value: float | int, unit: Code = codes.UCUM.NoUnits) -> Measurement:
    shown = value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")
    return Measurement(term(name), shown, unit)


def _add_text(group: MeasurementsAndQualitativeEvaluations, name: Code, text: str) -> None:
    """Add text to a group, which TID 1501 allows as an extensible template."""
    item = TextContentItem(name, text, RelationshipTypeValues.CONTAINS)
    group[0].ContentSequence.append(item)
