"""Pictures that a gate must recognise, or must let pass; knows no model."""
