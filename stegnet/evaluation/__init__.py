"""How good a pair is, measured on files."""
