"""All errors that a user can fix; each is a `StegnetError`.

    StegnetError
    ├── ConfigError (ValueError)   a parameter is unknown or invalid
    ├── MediaError                 a picture, film or sound can't be read or written
    ├── KeyFileError               a key file is missing or is not a key
    ├── CapacityError              the secret does not fit into its cover
    ├── RevealError                wrong key, nothing hidden, or damaged data
    ├── WeightsError               a weights file is missing, damaged or of another kind
    ├── DiskError                  temporary files, or those of a stage, can't be written
    ├── PackageError               an optional package is not installed
    ├── ClusterError               a cluster can't be reached, or its processes end early
    ├── DataError                  pictures to train or test on are missing or unusable
    ├── TrainingError              training can't continue
    └── TrackingError              MLflow's store can't be opened or used

A hint names parameters of the Python API as `stegnet.core.text` describes.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from os import PathLike
from typing import Self


class StegnetError(Exception):
    """Base of all errors shown to the user; its text is the problem, after the subject if there is one.

    Args:
        problem: one line that says what is wrong.
        hint: one line that gives the remedy, or "".
        subject: the file, or whatever else the error is about.

    Attributes:
        larger: suffix with which the same work makes a file that is many times as large as its cover; "": no such one.
        unmeant: the work is done if the user says that it is meant.
    """

    larger = ""
    unmeant = False

    def __init__(self, problem: str, hint: str = "", subject: object = "") -> None:
        super().__init__(problem, hint, str(subject))
        self.problem = problem
        self.hint = hint
        self.subject: str = str(subject)

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}" if self.subject else self.problem

    def with_hint(self, hint: str) -> Self:
        """Return the same error with another hint."""
        error = copy(self)
        error.hint = hint
        return error

    def as_text(self) -> str:
        """Return the `error:` line for the user, followed by the `hint:` line if there is a hint."""
        return f"error: {self}" + (f"\nhint: {self.hint}" if self.hint else "")


class ConfigError(StegnetError, ValueError):
    """Error for an unknown or invalid parameter.

    Args:
        problem: as in `StegnetError`.
        hint: as in `StegnetError`.
        subject: as in `StegnetError`, if there is no parameter.
        parameter: its name in the Python API or params.yaml.
        value: its value, if that matters; with the parameter's name, it is the subject.
    """

    def __init__(
        self, problem: str, hint: str = "", subject: object = "", parameter: str = "", value: object = ""
    ) -> None:
        super().__init__(problem, hint, f"{parameter} {value}".strip() or subject)
        self.parameter = parameter
        self.value: str = str(value)


class DataError(StegnetError):
    """Error for missing or unusable training or test pictures."""


class MediaError(StegnetError):
    """Error for a picture, film or sound that can't be read or written."""


class DiskError(StegnetError):
    """Error for temporary files, or files of a stage, that can't be written.

    It is not a MediaError, since that may only mean that a file is of another kind.
    """


class WeightsError(StegnetError):
    """Error for a weights file that is missing, damaged or of another kind."""


class KeyFileError(StegnetError):
    """Error for a key file that is missing or holds no key."""


class CapacityError(StegnetError):
    """Error for a secret that does not fit into its cover."""


class RevealError(StegnetError):
    """Error of a reveal: the key is wrong, nothing is hidden, or the data is damaged."""


class TrainingError(StegnetError):
    """Error for a training that can't continue."""


class PackageError(StegnetError):
    """Error for an optional package that is not installed."""


class ClusterError(StegnetError):
    """Error for a cluster that can't be reached, or whose processes end early."""


class TrackingError(StegnetError):
    """Error for a store of MLflow that can't be opened or used."""


@contextmanager
def reading(path: object) -> Iterator[None]:
    """Raise a MediaError if a file can't be read in the block."""
    try:
        yield
    except OSError as error:
        raise MediaError(f"can't be read ({error.strerror})", subject=path) from error


@contextmanager
def called(name: object, path: str | PathLike[str]) -> Iterator[None]:
    """Replace the path of a file, such as a temporary one, in errors of the block with the name that the user knows."""
    try:
        yield
    except StegnetError as error:
        if error.subject == str(path):
            error.subject = str(name)
        raise


@contextmanager
def about(path: object) -> Iterator[None]:
    """Name a file, where the user gave several, in errors of the block that name none."""
    try:
        yield
    except StegnetError as error:
        if isinstance(error, ConfigError) and error.parameter:
            error.problem = f"{path}: {error.problem}"
        error.subject = error.subject or str(path)
        raise


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Raise a PackageError that names the feature if a package of the extra `name` can't be imported in the block."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "stegnet"):
            raise
        raise PackageError(f"{what} needs {package}", f"pip install '.[{name}]', in stegnet's folder") from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question with the known name closest to a mistyped one, or ""."""
    from difflib import get_close_matches  # only for an error

    return "".join(f"did you mean {close}?" for close in get_close_matches(name, list(known), n=1))
