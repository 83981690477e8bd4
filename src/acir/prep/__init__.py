"""From record to tensor; saved with the model, so that training and search cannot differ."""
