"""Starts a cluster on this machine, until Ctrl-C: python -m tools.servers [--nodes 2] [--cpus 1].

The servers are those of compose.yaml, as processes: Ray with a node on each of the addresses 127.0.0.2, 127.0.0.3, …;
an S3 server; and an MLflow server that keeps its runs in PostgreSQL and its files on S3. All that they keep is in
memory or in a temporary folder, and gone when they stop.

Needs Linux, `pip install '.[all,dev]'`, and PostgreSQL (Debian: apt install postgresql).
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

BUCKET = "stegnet"
PATIENCE = 180  # seconds that a server may take to start
GRACE = 15  # seconds that it may take to stop
OBJECT_STORE = 200 << 20  # bytes of memory for the objects of a node
MISSING = "PostgreSQL is missing: install it (Debian: apt install postgresql)"
_USER = "postgres"  # Debian's package makes it
_PATIENCE = ("--timeout", "300")  # seconds that it may take to start or stop
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": str(PATIENCE),
}
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TEXT = """\
Ray ({nodes} nodes), S3 (bucket {bucket}) and MLflow are ready. Their addresses and passwords, for another shell:
  . {folder}/env
MLflow's pages are on {mlflow}
Ray's pages are on {dashboard} and ask for the token in {folder}/token
Ray's clients find it at {client}
Ctrl-C stops everything."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=2, help="nodes of Ray, the head included (2)")
    parser.add_argument("--cpus", type=int, default=1, help="tasks that run at once on a node (1)")
    options = parser.parse_args()
    if programs() is None:
        sys.exit(f"error: {MISSING}")
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    # A socket's path may have 107 bytes, of which Ray needs 80.
    with (
        suppress(KeyboardInterrupt),
        TemporaryDirectory(prefix="sn", dir="/tmp") as folder,
        cluster(Path(folder), options.nodes, options.cpus) as text,
    ):
        print(text, flush=True)
        signal.pause()


@contextmanager
def cluster(folder: Path, nodes: int, cpus: int) -> Iterator[str]:
    """Starts the servers, with files and logs in `folder`; yields what to tell their user, and stops them.

    Raises:
        SystemExit: one of them did not start; names it, with the end of its log.
    """
    s3, mlflow, dashboard, client, gcs = _free_ports(5)
    token = secrets.token_hex(32)
    variables = {
        "RAY_ADDRESS": f"127.0.0.2:{gcs}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,  # comes before RAY_AUTH_TOKEN_PATH, which may be set
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3}",
        "AWS_ACCESS_KEY_ID": "stegnet",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{mlflow}",
    }
    _write_private(folder / "token", token)
    _write_private(folder / "env", "".join(f"export {name}={value}\n" for name, value in variables.items()))
    with ExitStack() as stack:
        try:
            database = stack.enter_context(postgres()).address
            servers = [
                Server("s3", "moto.server", "--host", "127.0.0.1", "--port", s3),
                Server(
                    "mlflow", "mlflow", "server", "--workers", 1, "--host", "127.0.0.1", "--port", mlflow,
                    "--backend-store-uri", database, "--artifacts-destination", f"s3://{BUCKET}/mlflow",
                ),
                _node(
                    0, cpus, "--head", "--port", gcs, "--dashboard-host", "127.0.0.1", "--dashboard-port", dashboard,
                    "--ray-client-server-port", client, "--temp-dir", folder / "ray",
                ),
            ]  # fmt: skip
            member = ("--address", variables["RAY_ADDRESS"], "--include-log-monitor", False)
            servers += [_node(number, cpus, *member) for number in range(1, nodes)]
            for server in servers:
                stack.callback(server.stop)
                server.start(folder, variables)
            servers[0].wait(lambda: _request(f"{variables['AWS_ENDPOINT_URL']}/{BUCKET}", method="PUT"))
            servers[1].wait(lambda: _request(f"{variables['MLFLOW_TRACKING_URI']}/health"))
            for server in servers[2:]:
                server.wait(lambda: _alive_nodes(f"http://127.0.0.1:{dashboard}", token) == nodes)
            yield _TEXT.format(
                nodes=nodes, bucket=BUCKET, folder=folder, mlflow=variables["MLFLOW_TRACKING_URI"],
                dashboard=f"http://127.0.0.1:{dashboard}", client=f"ray://127.0.0.2:{client}",
            )  # fmt: skip
        finally:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)


class Server:
    """A Python program that serves until it is stopped.

    Args:
        name: of its log.
        command: module and arguments.
    """

    def __init__(self, name: str, *command: object) -> None:
        self._name, self._command = name, [sys.executable, "-m", *map(str, command)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, folder: Path, variables: Mapping[str, str]) -> None:
        """In a session of its own, so that a terminal's Ctrl-C reaches this program alone, which stops it in turn."""
        self._log = folder / f"{self._name}.log"
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=folder, env=os.environ | variables | _QUIET,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait(self, ready: Callable[[], object]) -> None:
        """Returns once `ready` is true; meanwhile it may raise what a server does that is not there yet."""
        assert self._process, "it was started"
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError, HTTPException):
                if ready():
                    return
            time.sleep(0.2)
        sys.exit(f"error: {self._name} did not start\n{self._log.read_text('utf-8', 'replace')[-2000:]}")

    def stop(self) -> None:
        """Ends it, and what it started."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _node(number: int, cpus: int, *options: object) -> Server:
    """A node of Ray; what it starts dies with it (`--block`), be it killed."""
    return Server(
        f"node{number}", "ray.scripts.scripts", "start", "--block", "--node-ip-address", f"127.0.0.{number + 2}",
        "--num-cpus", cpus, "--object-store-memory", OBJECT_STORE, *options,
    )  # fmt: skip


def _alive_nodes(dashboard: str, token: str) -> int:
    answer = json.loads(_request(f"{dashboard}/nodes?view=summary", headers={"Authorization": f"Bearer {token}"}))
    return sum(node["raylet"].get("state") == "ALIVE" for node in answer["data"]["summary"])


def _request(url: str, **options) -> bytes:
    """The answer; raises OSError where there is none."""
    with urlopen(Request(url, **options), timeout=5) as answer:
        return answer.read() or b"done"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl: of the newest version that is installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Postgres:
    """A server in a folder.

    Attributes:
        address: as SQLAlchemy wants it.
    """

    def __init__(self, folder: Path) -> None:
        self.address = f"postgresql://{_USER}@/postgres?host={folder}"
        self._folder, self._data = folder, folder / "data"
        _run_program("initdb", "--pgdata", self._data, "--username", _USER, "--auth", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses= -c fsync=off"
        places = ("--pgdata", self._data, "--log", self._folder / "log")
        _run_program("pg_ctl", "start", "--wait", *_PATIENCE, *places, "--options", options)

    def stop(self) -> None:
        _run_program("pg_ctl", "stop", *_PATIENCE, "--pgdata", self._data, "--mode", "immediate")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server that runs; it may be stopped and started within the block, and must run at its end."""
    with TemporaryDirectory(prefix="pg") as name:  # short: a socket's path may have 107 bytes
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _run_program(program: str, *arguments: object) -> None:
    folder = programs()
    assert folder, "a server is only made where PostgreSQL is installed"
    words = [str(folder / program), *map(str, arguments)]
    user = _USER if os.geteuid() == 0 else None
    done = subprocess.run(
        words, user=user, group=user, extra_groups=[] if user else None, cwd="/", text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{program}: {done.stderr}"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in found]


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
