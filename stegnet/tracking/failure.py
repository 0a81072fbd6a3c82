"""What goes wrong in MLflow, in one line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

from mlflow.exceptions import MlflowException

from stegnet.errors import TrackingError

_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")  # user:password@ of an address


@contextmanager
def told(what: str, hint: str) -> Iterator[None]:
    """Says in one line that `what` failed in this block, be it MLflow, the network or the disk.

    Raises:
        TrackingError: it did.
    """
    try:
        yield
    except (MlflowException, OSError) as error:  # requests' errors are OSErrors
        reason = shorten(_PASSWORD.sub("", str(error)), 200, placeholder=" …")
        raise TrackingError(f"{what} ({reason})", hint) from error
