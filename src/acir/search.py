"""Planned."""
