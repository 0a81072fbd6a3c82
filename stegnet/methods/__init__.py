"""Hiding methods: a file or folder for each, and the list of them in `registry`."""

from stegnet.methods.registry import METHODS, UnknownOption

__all__ = ["METHODS", "UnknownOption"]
