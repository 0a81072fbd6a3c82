"""A PostgreSQL server for a while: started in an empty folder, on a socket there alone, and stopped again.

Debian: `apt install postgresql`. Its programs lie in no folder of PATH, and refuse to run as root.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = "PostgreSQL is missing: install it (Debian: apt install postgresql)"
_USER = "postgres"  # Debian's package makes it
_PATIENCE = ("--timeout", "300")  # seconds that it may take to start or stop


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
        _run("initdb", "--pgdata", self._data, "--username", _USER, "--auth", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses= -c fsync=off"
        places = ("--pgdata", self._data, "--log", self._folder / "log")
        _run("pg_ctl", "start", "--wait", *_PATIENCE, *places, "--options", options)

    def stop(self) -> None:
        _run("pg_ctl", "stop", *_PATIENCE, "--pgdata", self._data, "--mode", "immediate")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server that runs; it may be stopped and started within the block, and must run at its end."""
    with tempfile.TemporaryDirectory(prefix="pg") as name:  # short: a socket's path may have 107 bytes
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _run(program: str, *arguments: object) -> None:
    words = [str(programs() / program), *map(str, arguments)]
    user = _USER if os.geteuid() == 0 else None
    done = subprocess.run(
        words, user=user, group=user, extra_groups=[] if user else None, cwd="/", text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{program}: {done.stderr}"
