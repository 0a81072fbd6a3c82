"""Every error that a user can do something about.

StegnetError
├── ConfigError    a parameter is unknown or has an impossible value
├── DataError      pictures to train or test on are missing or unusable
├── MediaError     a picture or film can't be read or written
├── WeightsError   a weights file is missing, damaged or of another kind
├── KeyFileError   a key file is missing or is not a key
├── CapacityError  the secret does not fit into its cover
├── RevealError    nothing can be revealed: wrong key, nothing hidden, damaged
├── TrainingError  training can't go on
├── PackageError   a package that not everybody needs is not installed
└── TrackingError  MLflow's store can't be opened
"""

from collections.abc import Iterator
from contextlib import contextmanager


class StegnetError(Exception):
    """Base of all errors meant for the user.

    Args:
        message: one line that says what is wrong.
        hint: one line that says what to do, or "".
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def told(self) -> str:
        """What the user reads: a line `error: …`, and a line `hint: …` where there is a hint."""
        return f"error: {self}" + (f"\nhint: {self.hint}" if self.hint else "")


class ConfigError(StegnetError, ValueError):
    """A parameter is unknown or has an impossible value."""


class DataError(StegnetError):
    """Pictures to train or test on are missing or unusable."""


class MediaError(StegnetError):
    """A picture or film can't be read or written."""


class WeightsError(StegnetError):
    """A weights file is missing, damaged or of another kind."""


class KeyFileError(StegnetError):
    """A key file is missing or is not a key."""


class CapacityError(StegnetError):
    """The secret does not fit into its cover."""


class RevealError(StegnetError):
    """Nothing can be revealed: wrong key, nothing hidden, or damaged."""


class TrainingError(StegnetError):
    """Training can't go on."""


class PackageError(StegnetError):
    """A package that not everybody needs is not installed."""


class TrackingError(StegnetError):
    """MLflow's store can't be opened."""


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """For imports of packages that come with `stegnet[name]`.

    Args:
        what: needs them, for the message.
    Raises:
        PackageError: one is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "stegnet"):
            raise
        raise PackageError(f"{what} needs {package}", f"pip install 'stegnet[{name}]'") from error
