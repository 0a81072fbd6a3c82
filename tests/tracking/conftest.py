import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest

from tools.postgres import Postgres, postgres


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run: to make one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}")
    return path


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, empty_store: Path, tmp_path: Path) -> None:
    """No test writes to the developer's store, or takes its names from an experiment that runs."""
    shutil.copy(empty_store, tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def database(postgres_programs: None) -> Iterator[Postgres]:
    """PostgreSQL, running."""
    with postgres() as server:
        yield server


class Server:
    """An MLflow server that can be killed and started again.

    Args:
        store: address of the database where it keeps its runs.
    """

    def __init__(self, folder: Path, store: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address, self._folder = f"http://127.0.0.1:{port}", folder
        self._command = [
            sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port),
            "--backend-store-uri", store, "--artifacts-destination", str(folder / "files"),
        ]  # fmt: skip

    def start(self) -> None:
        """Returns when it answers."""
        with open(self._folder / "log", "a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
            )
        while True:
            assert self._process.poll() is None, (self._folder / "log").read_text(encoding="utf-8")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/health", timeout=5):
                return
            time.sleep(0.2)

    def kill(self) -> None:
        """Ends it, and the workers that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Starts MLflow servers, each with files in a folder of its own."""
    with contextlib.ExitStack() as stack:

        def call(store: str) -> Server:
            server = Server(tmp_path_factory.mktemp("server"), store)
            server.start()
            stack.callback(server.kill)
            return server

        yield call


@pytest.fixture(scope="module")
def postgres_server(database: Postgres, start_server: Callable[[str], Server]) -> str:
    """The address of an MLflow server that keeps its runs in PostgreSQL and its files in a folder."""
    return start_server(database.address).address
