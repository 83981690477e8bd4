"""How good a ranking or a verdict is; pure numpy."""
