"""Attacks on the shuffle: jigsaw solvers and known frames."""
