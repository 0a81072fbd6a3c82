"""Standard output with any encoding."""

import sys
from io import TextIOWrapper


def escape_unprintable() -> None:
    """Let standard output escape what its encoding lacks, as standard error does: "–" is \\u2013 in ISO 8859-1."""
    if isinstance(sys.stdout, TextIOWrapper):  # a program without a console has no standard output
        sys.stdout.reconfigure(errors="backslashreplace")
