"""Failures of the store, each in one line with its remedy and without passwords."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

import mlflow
import sqlalchemy
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from sqlalchemy.exc import SQLAlchemyError

from stegnet.core.errors import DiskError, TrackingError

STORE_ERRORS = (MlflowException, SQLAlchemyError, OSError, DiskError)  # requests' errors are OSErrors
CONNECT_TIMEOUT = 5  # seconds
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@|(?<=password=)[^&\s]+")  # in an address
_STATEMENT = re.compile(r"\s*(\[SQL:|\(Background on this error).*", re.DOTALL)  # what SQLAlchemy adds to a cause
_REMEDIES = {  # of a store, by what is found in its address and the cause
    r"experiment (\d+) must be in the 'active' state": "restore it with `MLFLOW_TRACKING_URI={store} mlflow experiments"
    " restore -x {found}`, or set MLFLOW_EXPERIMENT_NAME to another name",
    "mlflow db upgrade": "back it up, then `mlflow db upgrade {store}`; if a newer MLflow made it, install that one, or"
    " set MLFLOW_TRACKING_URI to another store",
    "^sqlite:": "check this file and its folder, or move the file away: then a new one is made",
    r"No module named '(\w+)": "pip install {found}, which such an address needs",
    "^(http|postgresql|mysql|mssql)": "check MLFLOW_TRACKING_URI, and that its server runs",
    "": "set MLFLOW_TRACKING_URI to http://HOST:PORT or sqlite:////FOLDER/mlflow.db, or unset it: mlflow.db is used",
}


def without_passwords(text: str) -> str:
    """A text without the passwords of its addresses."""
    return _PASSWORD.sub("", text)


@contextmanager
def store_errors(problem: str) -> Iterator[None]:
    """Turns errors of MLflow, the network and the disk into a TrackingError: the problem, its reason, the remedy."""
    try:
        yield
    except STORE_ERRORS as error:
        store, cause = shlex.quote(without_passwords(mlflow.get_tracking_uri())), _cause(error)
        matches = (
            (re.search(pattern, f"{mlflow.get_tracking_uri()} {cause}"), hint) for pattern, hint in _REMEDIES.items()
        )
        found, hint = next((match, hint) for match, hint in matches if match)
        hint = (
            error.hint if isinstance(error, DiskError) else hint.format(store=store, found=found[found.lastindex or 0])
        )
        raise TrackingError(f"{problem} ({reason(error)})", hint) from error


def reason(error: BaseException) -> str:
    """The store's address and the innermost cause, without passwords."""
    text = without_passwords(_STATEMENT.sub("", f"{mlflow.get_tracking_uri()}: {_cause(error)}"))
    return shorten(text, 300, placeholder=" …")


def check_connection(address: str) -> None:
    """Fails within seconds if no server answers; MLflow itself would retry for minutes."""
    if address.startswith("http"):
        http_request(get_default_host_creds(address), "/health", "GET", max_retries=0, timeout=CONNECT_TIMEOUT)
    elif address.startswith(("postgresql", "mysql", "mssql")):
        timeout = {} if address.startswith("mssql") else {"connect_timeout": CONNECT_TIMEOUT}
        try:
            sqlalchemy.create_engine(address, connect_args=timeout).connect().close()
        except (ImportError, ValueError) as error:  # its driver is missing; the port is not a number
            raise MlflowException(str(error)) from error


def _cause(error: BaseException) -> str:
    causes = [error]
    while (inner := causes[-1].__cause__ or causes[-1].__context__) and not isinstance(causes[-1], DiskError):
        causes.append(inner)
    return str([error, *(each for each in causes if isinstance(each, STORE_ERRORS))][-1])
