"""From source to batches."""
