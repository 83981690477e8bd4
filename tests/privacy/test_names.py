"""Folders that are called after someone, in the ways in which archives do it."""

import unicodedata

import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset

from acir.privacy.names import OTHERS, Person, names_someone


def _file(name: str) -> Dataset:
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName, made.PatientID = name, "AB-4711"
    return made


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Doe^John", "john"),
        ("Doe^John", "DoeJohn"),
        ("Doe^John^Q", "JohnDoe_1970"),
        ("Doe^John", "doe2"),
        ("Müller^Jörg", unicodedata.normalize("NFD", "Müller")),
        ("Müller^Jörg", "Mueller"),
        ("Müller^Jörg", "Muller, J."),
        ("MUELLER^JOERG", "Jörg Müller"),
        ("Dvořák^Antonín", "dvorak"),
        ("Yamada^Tarou=山田^太郎", "山田太郎"),
        ("Müller^Jörg", r"m\xfcller"),
        ("", "ab 4711"),
        ("", "CT of AB_4711"),
    ],
)
def test_a_label_that_names_the_patient_is_told(name: str, label: str) -> None:
    assert names_someone(label, _file(name))


@pytest.mark.parametrize("label", ["pneumonia", "grade 2", "no finding", "4712", "Do", "Mull"])
def test_a_class_is_no_name(label: str) -> None:
    assert not names_someone(label, _file("Doe^John^Müller"))


def test_a_file_without_a_name_makes_no_label_one() -> None:
    assert not names_someone("pneumonia", Dataset())


@pytest.mark.parametrize("label", ["MR", "Dr"])
def test_a_title_is_no_name_of_anyone(label: str) -> None:
    assert not names_someone(label, _file("Doe^John^^Mr^Dr"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Doe^John", "DOE"),
        ("Doe^John", "Stack of john"),
        ("Doe^John", "JOHNDOE1"),
        ("Müller^Jörg", "MUELLER"),
        ("Yamada^Tarou=山田^太郎", "太郎"),
        ("Li^Na", "LI"),
        ("Subject^42", "SUBJECT_42"),
        ("Head^John", "HEADJOHN"),
        ("", "AB4711"),
        ("", "no. ab 4711"),
    ],
)
def test_a_value_that_names_the_patient_is_told(name: str, value: str) -> None:
    assert Person(_file(name)).is_named_by(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Doe^John", "CHEST"),
        ("Chest^Anna", "CHEST"),
        ("Chest", "CHEST"),
        ("Phantom^Head", "HEAD NECK"),
        ("D^J", "D J"),
        ("Doe^John^^Mr", "Discovery MR750w"),
        ("Doe^John", "Doering, Johnson"),
        ("Subject^42", "VB42A"),
        ("", "AB"),
        ("", "94711"),
        ("", ""),
    ],
)
def test_a_value_that_names_no_patient_is_let_be(name: str, value: str) -> None:
    assert not Person(_file(name)).is_named_by(value)


def test_a_name_of_two_letters_is_a_code_where_three_are_asked_for() -> None:
    person = Person(_file("No^Mr"))
    assert person.is_named_by("MR")
    assert not person.is_named_by("MR", fewest=3)


@pytest.mark.parametrize("keyword", OTHERS)
def test_whoever_else_is_named_in_a_file_is_told_as_the_patient_is(keyword: str) -> None:
    made = _file("Doe^John")
    setattr(made, keyword, "Roe^Ann^Maria^Dr")
    person = Person(made)
    for value in ("ROE", "asked by Dr Roe", "roeann", "ann's protocol", "Maria 2"):
        assert person.is_named_by(value)
    assert person.is_named_by("john")
    for value in ("Dr", "Roeder", "Mariano"):
        assert not person.is_named_by(value)


def test_each_of_several_operators_is_told_but_not_by_initials_or_by_words_of_two() -> None:
    made = Dataset()
    made.OperatorsName = ["Roe^Ann", "MR", "Tech^12", "Chest^Bo"]
    person = Person(made)
    assert person.is_named_by("Ann")
    assert person.is_named_by("TECH_12")
    for value in ("Discovery MR750w", "VB12", "CHEST", "Bo", "annchest", "annbo"):
        assert not person.is_named_by(value)


def test_every_attribute_that_holds_a_persons_name_is_looked_at() -> None:
    kinds = {entry[4] for entry in DicomDictionary.values() if entry[0] == "PN" and not entry[3]}
    # An item of a sequence says who it is; a template's value is of nobody.
    assert kinds - {"PersonName", "SelectorPNValue"} == {"PatientName", *OTHERS}


def test_an_identifier_of_two_signs_is_in_any_version_and_not_looked_for() -> None:
    made = Dataset()
    made.PatientID, made.StudyID, made.AccessionNumber = "17", "1", "A-2041"
    assert not Person(made).is_named_by("VB 17.1")
    assert Person(made).is_named_by("a2041")
