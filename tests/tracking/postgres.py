"""A PostgreSQL server for a test: started in an empty folder, on a socket there alone, and stopped again.

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


def programs() -> Path | None:
    """The folder with initdb and pg_ctl: of the newest version that is installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def postgres() -> Iterator[str]:
    """A server; its address, as SQLAlchemy wants it."""
    with tempfile.TemporaryDirectory(prefix="pg") as name:  # short: a socket's path may have 107 bytes
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        data = folder / "data"
        _run("initdb", "--pgdata", data, "--username", _USER, "--auth", "trust", "--no-sync")
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        _run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", folder / "log", "--options", options)
        try:
            yield f"postgresql://{_USER}@/postgres?host={folder}"
        finally:
            _run("pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")


def _run(program: str, *arguments: object) -> None:
    words = [str(programs() / program), *map(str, arguments)]
    user = _USER if os.geteuid() == 0 else None
    done = subprocess.run(
        words, user=user, group=user, extra_groups=[] if user else None, cwd="/", text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{program}: {done.stderr}"
