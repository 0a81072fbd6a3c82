"""Families of hide/reveal pairs. A file here registers its `Pair`, and `model.name` is the name of the file."""
