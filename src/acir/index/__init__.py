"""Codes and what belongs to them, at rest."""
