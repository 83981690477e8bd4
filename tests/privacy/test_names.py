"""Folders that are called after someone, in the ways in which archives do it."""

import unicodedata

import pytest
from pydicom.dataset import Dataset

from acir.privacy.names import names_someone


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
