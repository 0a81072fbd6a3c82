"""Calls that a type checker takes, and others that it refuses: mypy finds an `ignore` that it has no need of."""

import stegnet


def calls() -> None:
    key = stegnet.read_key("k")
    stegnet.hide("a.jpg", "b.txt", "c.jpg", key=key, survive="messenger")
    stegnet.hide("a.jpg", "b.txt", "c.jpg", key=key, surviv="messenger")  # type: ignore[call-arg]
    stegnet.hide("a.jpg", "b.txt", "c.jpg", key=key, method="sealt")  # type: ignore[arg-type]
    stegnet.hide("a.jpg", "b.txt", "c.jpg", key=key, resize="large")  # type: ignore[arg-type]
