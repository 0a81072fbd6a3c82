"""Packages that not everybody needs, and what to say where they are missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from stegnet.errors import PackageError


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
