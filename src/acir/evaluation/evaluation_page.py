"""The page of `acir evaluate --html`: what it shows, besides the numbers that are printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from acir.evaluation.confusion import Confusion
from acir.evaluation.galleries import Exhibit
from acir.evaluation.report import Page, Panel


@dataclass(frozen=True)
class ClassRow:
    """How well the queries of a class are answered.

    Attributes:
        name: The class.
        queries: How many were scored; the rates are None where there is none.
        by_code: mAP by Hamming distance alone.
        reranked: mAP in the ranker's order.
        worst: Whether no class has a lower `by_code`.
    """

    name: str
    queries: int
    by_code: float | None
    reranked: float | None
    worst: bool


@dataclass(frozen=True)
class Key:
    """An entry of the maps' legend.

    Attributes:
        number: What stands amid the class on the maps; None where nothing does.
        name: What is marked so.
        count: Pictures on the map.
        picture: The mark, as PNG, JPEG or SVG.
    """

    number: int | None
    name: str
    count: int
    picture: bytes


@dataclass(frozen=True, kw_only=True)
class EvaluationPage(Page):
    """What an evaluation looks like.

    Attributes:
        facts: The main figures, each in words, by their name.
        mode: Name of the ranker.
        classes: A row a class.
        confusion: Which class is answered for which.
        excluded: Queries that are not in it because the gallery has no picture of their class.
        promise: What the gate promises, in words.
        maps: The embedding maps; none where there are too few pictures.
        legend: Of all maps.
        exhibits: The answer to one query of each class.
        asked: Picture of each of these queries by its id.
        held: Picture of each of their hits by its id.
    """

    template: ClassVar[str] = "evaluation.html"
    facts: Mapping[str, str]
    mode: str
    classes: tuple[ClassRow, ...]
    confusion: Confusion
    excluded: int
    promise: str
    maps: tuple[Panel, ...]
    legend: tuple[Key, ...]
    exhibits: tuple[Exhibit, ...]
    asked: Mapping[str, bytes]
    held: Mapping[str, bytes]
