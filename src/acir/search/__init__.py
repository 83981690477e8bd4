"""Ask a model about a picture: is it of a kind it knows, and which stored pictures are like it."""

from acir.search.model import Examined, Model, coded, one_thread
from acir.search.request import Request
from acir.search.searcher import Named, Searcher

__all__ = ["Examined", "Model", "Named", "Request", "Searcher", "coded", "one_thread"]
