import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import mlflow
import mlflow.server
import pytest
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


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
    mlflow.set_registry_uri("")  # a server that ran in this process has made its own store the registry of all
    for name in (
        "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_NAME", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


class Server:
    """MLflow's own pages and API in a thread, which can go away or fall silent in the midst of work, and come back.

    Attributes:
        answers: whether requests are answered; they wait until they are.
        asked: a request waits.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setenv(mlflow.server.BACKEND_STORE_URI_ENV_VAR, f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv(mlflow.server.ARTIFACT_ROOT_ENV_VAR, "mlflow-artifacts:/")
        patch.setenv(mlflow.server.SERVE_ARTIFACTS_ENV_VAR, "true")
        patch.setenv(mlflow.server.ARTIFACTS_DESTINATION_ENV_VAR, str(folder / "files"))
        for kept in ("_tracking_store", "_artifact_repo"):  # of an earlier server in this process
            patch.setattr(f"mlflow.server.handlers.{kept}", None)
        self._port, self.answers, self.asked = 0, threading.Event(), threading.Event()
        self.answers.set()
        self.start()
        self.address = f"http://127.0.0.1:{self._port}"
        # When it opens its store, MLflow makes that the store of the whole process: before it is told the address.
        urlopen(f"{self.address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default").close()

    def start(self) -> None:
        self._server = make_server("127.0.0.1", self._port, self._answer, threaded=True)
        self._port = self._server.port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        if not self.answers.is_set():
            self.asked.set()
            self.answers.wait()
        return mlflow.server.app(environ, start_response)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.chdir(tmp_path)
    started = Server(tmp_path, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", started.address)
    yield started
    started.stop()
