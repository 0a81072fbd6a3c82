"""This repository in small, in folders of its own, and commands run there as a user would."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).parents[1]
LONGEST = 900  # seconds that a command takes, even on a busy machine


def environment() -> dict[str, str]:
    """A user's, with the commands of this Python."""
    binaries = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    identity = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    unset = {"PYTHONPATH", "DVC_ROOT", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"}
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    python = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": "1"}
    return kept | {"PATH": binaries, "OMP_NUM_THREADS": "2", **python, **identity}


def run(folder: Path, *command: str, fails: bool = False, **variables: str) -> str:
    """Runs a command in a repository as a user would; its stdout and stderr.

    One that does not end is ended, and says what each of its threads is at.
    """
    pipe, settings = subprocess.PIPE, environment() | variables
    with subprocess.Popen(command, cwd=folder, env=settings, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            said = "".join(process.communicate(timeout=LONGEST))
        except subprocess.TimeoutExpired:
            started = [" ".join(each.cmdline()) for each in psutil.Process(process.pid).children(recursive=True)]
            process.send_signal(signal.SIGABRT)
            said = "".join(process.communicate(timeout=60))
            raise AssertionError("\n".join([f"{command} did not end; it started", *started, said])) from None
    assert (process.returncode != 0) == fails, said
    return said


def clone_with_modules(origin: Path, folder: Path) -> None:
    """Makes a clone that has the C modules, as `make setup` builds them."""
    run(origin, "git", "clone", "-q", str(origin), str(folder))
    for built in (ROOT / "stegnet").rglob("*.so"):
        shutil.copy2(built, folder / built.relative_to(ROOT))


def copy_repository(folder: Path, params: Mapping[str, Mapping[str, Any]]) -> Path:
    """This repository as it stands, with other parameters, as a git repository with nothing committed."""
    listed = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in listed:
        if (ROOT / name).is_file() or (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    values = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for section, changed in params.items():
        values[section] |= changed
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    run(folder, "git", "init", "-q", "-b", "main")
    return folder
