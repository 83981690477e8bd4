"""The private coding scheme: what the standard demands of codes."""

import pytest
from highdicom.sr import CodedConcept

from acir import ood, registry
from acir.pacs.coding import TERMS, reason, scheme, term

DETECTORS = registry.names(ood.FAMILY)


@pytest.mark.parametrize("value", TERMS)
def test_a_term_fits_the_attributes_of_a_code(value: str) -> None:
    code = term(value)
    assert code.scheme_designator == "99ACIR"
    assert len(code.value) <= 16  # SH, PS3.5 6.2
    assert 0 < len(code.meaning) <= 64  # LO
    assert TERMS[value][1].endswith((".", "?"))


def test_no_two_terms_mean_the_same() -> None:
    meanings = [meaning for meaning, _ in TERMS.values()]
    assert len({meaning.casefold() for meaning in meanings}) == len(meanings)


@pytest.mark.parametrize("name", DETECTORS)
def test_the_reason_of_every_detector_is_a_code(name: str) -> None:
    word = ood.get(name).reason_code
    item = CodedConcept.from_code(reason(word))
    # Up to 16 characters a code value is short, beyond it is long (PS3.3 8.1).
    assert ("CodeValue" in item) == (len(word) <= 16)
    assert item.value == word
    assert word not in TERMS


def test_the_scheme_is_described_in_the_object() -> None:
    item = scheme()
    assert item.CodingSchemeDesignator == "99ACIR"
    assert item.CodingSchemeVersion == "1"
    assert "acir" in item.CodingSchemeName
