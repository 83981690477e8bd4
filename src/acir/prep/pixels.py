"""Stored values to a picture in [0, 1]."""
