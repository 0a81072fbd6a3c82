import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from postgres import MISSING, postgres, programs


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
    for name in ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server that keeps its runs in PostgreSQL and its files in a folder."""
    if programs() is None:
        stop = pytest.fail if os.environ.get("STEGNET_POSTGRES") == "required" else pytest.skip
        stop(MISSING)
    folder = tmp_path_factory.mktemp("server")
    with postgres() as address:
        port = str(_free_port())
        command = [
            sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", port,
            "--backend-store-uri", address, "--artifacts-destination", str(folder / "files"),
        ]  # fmt: skip
        with open(folder / "log", "w", encoding="utf-8") as log:
            server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            yield _answering(f"http://127.0.0.1:{port}", server, folder / "log")
        finally:
            _end(server)


def _answering(address: str, server: subprocess.Popen, log: Path) -> str:
    """The address, once the server answers there."""
    while True:
        assert server.poll() is None, log.read_text(encoding="utf-8")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
            return address
        time.sleep(0.2)


def _end(server: subprocess.Popen) -> None:
    """Ends a server and the workers that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
