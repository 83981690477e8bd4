"""Ask a model about a picture: is it of a kind it knows, and which stored pictures are like it."""

from acir.search.model import Examined, Model, coded, one_thread
from acir.search.request import Request
from acir.search.searcher import Asked, Named, Searcher, Witness, unwitnessed

__all__ = [
    "Asked",
    "Examined",
    "Model",
    "Named",
    "Request",
    "Searcher",
    "Witness",
    "coded",
    "one_thread",
    "unwitnessed",
]
