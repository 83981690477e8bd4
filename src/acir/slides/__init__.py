"""Whole slides: read by a process that may die, cut into tiles where there is tissue."""
