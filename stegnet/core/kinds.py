"""Kinds of covers, of secrets and of what is hidden."""

PICTURE, FILM, FILE = "picture", "film", "file"
