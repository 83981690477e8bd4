"""Rows of a source, without pixels: what is to be trained on, and what is wrong with it."""
