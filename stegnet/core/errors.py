"""All errors that a user can fix; each is a `StegnetError`.

A hint names parameters of the Python API as `stegnet.core.text` says.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from difflib import get_close_matches
from os import PathLike
from typing import Self


class StegnetError(Exception):
    """Base of all errors shown to the user; its text is the problem, after the subject if there is one.

    Args:
        problem: one line, what is wrong.
        hint: one line, the remedy, or "".
        subject: the file, or what else it is about.
    """

    def __init__(self, problem: str, hint: str = "", subject: object = "") -> None:
        super().__init__(problem, hint, str(subject))
        self.problem, self.hint, self.subject = problem, hint, str(subject)

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}" if self.subject else self.problem

    def with_hint(self, hint: str) -> Self:
        """Return the same error with another hint."""
        error = copy(self)
        error.hint = hint
        return error

    def as_text(self) -> str:
        """The `error:` line for the user, and the `hint:` line if there is a hint."""
        return f"error: {self}" + (f"\nhint: {self.hint}" if self.hint else "")


class ConfigError(StegnetError, ValueError):
    """A parameter is unknown or invalid.

    Args:
        problem, hint, subject: as of `StegnetError`.
        parameter, value: its name in the Python API or params.yaml, and its value if that matters: the subject.
    """

    def __init__(
        self, problem: str, hint: str = "", subject: object = "", parameter: str = "", value: object = ""
    ) -> None:
        super().__init__(problem, hint, f"{parameter} {value}".strip() or subject)
        self.parameter, self.value = parameter, str(value)


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
        raise MediaError(f"can't be read ({error.strerror})", subject=path) from error


@contextmanager
def called(name: object, path: str | PathLike[str]) -> Iterator[None]:
    """Call a file, such as a temporary one, by the name that the user knows, in the errors of the block."""
    try:
        yield
    except StegnetError as error:
        if error.subject == str(path):
            error.subject = str(name)
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
