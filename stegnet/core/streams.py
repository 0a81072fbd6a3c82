"""Standard output with any encoding."""

import sys
from io import TextIOWrapper


def escape_unprintable() -> None:
    """Let standard output escape what its encoding lacks, as standard error does: ISO 8859-1 has no en dash."""
    if isinstance(sys.stdout, TextIOWrapper):  # a program without a console has no standard output
        sys.stdout.reconfigure(errors="backslashreplace")
