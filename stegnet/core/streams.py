"""Standard output with any encoding."""

import sys


def escape_unprintable() -> None:
    """Let standard output escape what its encoding lacks, as standard error does: "–" is \\u2013 in ISO 8859-1."""
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="backslashreplace")
