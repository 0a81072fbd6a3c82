"""All errors that a user can fix; each is a `StegnetError`.

Hints, notes and warnings name a parameter of the Python API as `strict=True`, or `survive="CHANNEL"` where the user
chooses the value; the command line and the page show their own names for it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from os import PathLike

SETTING = re.compile(r'`(\w+)="?([^`"]+)"?`')  # its name and value


class StegnetError(Exception):
    """Base of all errors shown to the user.

    Args:
        message: one line, the problem.
        hint: one line, the remedy, or "".
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def as_text(self) -> str:
        """The `error:` line for the user, and the `hint:` line if there is a hint."""
        return f"error: {self}" + (f"\nhint: {self.hint}" if self.hint else "")


class ConfigError(StegnetError, ValueError):
    """A parameter is unknown or invalid."""


class DataError(StegnetError):
    """Training or test pictures are missing or unusable."""


class MediaError(StegnetError):
    """A picture, film or sound can't be read or written."""


class DiskError(StegnetError):
    """Temporary files, or those of a stage, can't be written.

    No MediaError: that of a file may only mean that it is of another kind.
    """


class WeightsError(StegnetError):
    """A weights file is missing, damaged or of another kind."""


class KeyFileError(StegnetError):
    """A key file is missing or is not a key."""


class CapacityError(StegnetError):
    """The secret does not fit into its cover."""


class RevealError(StegnetError):
    """Nothing can be revealed: wrong key, nothing hidden, or damaged data."""

    searchable = False  # with `search`, it may be found all the same


class TrainingError(StegnetError):
    """Training can't continue."""


class PackageError(StegnetError):
    """An optional package is not installed."""


class ClusterError(StegnetError):
    """A cluster can't be reached, or its processes end early."""


class TrackingError(StegnetError):
    """MLflow's store can't be opened or used."""


@contextmanager
def reading(path: str | PathLike[str]) -> Iterator[None]:
    """For reading a file: raises a MediaError if it can't be read."""
    try:
        yield
    except OSError as error:
        raise MediaError(f"{path}: can't be read ({error.strerror})") from error


@contextmanager
def renamed(shown: Mapping[str, str]) -> Iterator[None]:
    """In the errors of the block, replaces texts, such as the paths of temporary files, by what the user knows."""
    try:
        yield
    except StegnetError as error:
        message, hint = str(error), error.hint
        for text, name in shown.items():
            message, hint = message.replace(text, name), hint.replace(text, name)
        error.args, error.hint = (message,), hint
        raise


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """For imports of packages that come with `stegnet[name]`: raises a PackageError that says what needs them."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "stegnet"):
            raise
        raise PackageError(f"{what} needs {package}", f"pip install 'stegnet[{name}]'") from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question with the known name that is closest to a mistyped one, or ""."""
    return "".join(f"did you mean {close}?" for close in get_close_matches(name, list(known), n=1))
