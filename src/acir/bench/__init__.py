"""How fast an index is, beside the speed of memory, bare FAISS and numpy in the same run."""
