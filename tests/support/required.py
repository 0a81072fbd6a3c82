"""What a test needs of its machine besides Python."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def missing(variable: str, reason: str) -> NoReturn:
    """Skips the test, or fails it where an environment variable says that what is missing is required."""
    stop = pytest.fail if os.environ.get(variable) == "required" else pytest.skip
    stop(reason)


def usable_pythons() -> list[str]:
    """Return the Pythons of this machine that stegnet runs on, one of each version, from the oldest to the newest."""
    usable = "import sys, sysconfig, venv; assert sys.version_info[3] == 'final'"
    usable += "; assert not sysconfig.get_config_var('Py_GIL_DISABLED')"
    found = {sys.version_info[1]: sys.executable}
    places = [*map(Path, os.environ.get("PATH", "").split(os.pathsep)), *Path.home().glob(".pyenv/versions/*/bin")]
    for program in (program for place in places for program in place.glob("python3.*")):
        named = re.fullmatch(r"python3\.(\d+)", program.name)
        if named and int(named[1]) >= 11 and int(named[1]) not in found:
            done = subprocess.run([program, "-c", usable], capture_output=True, check=False)
            if done.returncode == 0:
                found[int(named[1])] = str(program)
    return [found[minor] for minor in sorted(found)]


def with_npm_packages(folder: Path, variable: str) -> Path:
    """Installs a folder's npm packages, unless another process has; returns the folder."""
    if shutil.which("npm") is None:
        missing(variable, "Node.js is missing: install it (Debian: apt install npm)")
    from filelock import FileLock  # which the package alone does not install

    with FileLock(folder / ".lock"):
        if not (folder / "node_modules" / ".package-lock.json").is_file():
            done = subprocess.run(["npm", "ci"], cwd=folder, text=True, capture_output=True, check=False)
            if done.returncode != 0:
                missing(variable, f"npm can't install the packages of {folder.name}: {done.stderr}")
    return folder
