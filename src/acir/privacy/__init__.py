"""What may be known about a person."""
