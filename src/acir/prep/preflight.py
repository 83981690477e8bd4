"""Is it a picture at all."""
