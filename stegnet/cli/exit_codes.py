"""Exit codes of the `stegnet` command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes that are not a signal's; a signal's is 128 and its number."""

    SUCCESS = 0
    ERROR = 1
    INVALID = 2
    ALTERED = 3
    BROKEN_PIPE = 141


EXPLANATIONS = {
    "0": "success",
    "1": "an error that you can fix; of a folder, some files failed",
    "2": "invalid command line",
    "3": "revealed, but the container was altered, or a part of it is missing; `warning:` lines say how",
    "129": "terminal closed; 130 interrupted; 143 terminated: no partial output",
    "141": "broken pipe",
}
