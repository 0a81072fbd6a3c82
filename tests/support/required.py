"""What a test needs of its machine besides Python."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock


def missing(variable: str, reason: str) -> NoReturn:
    """Skips the test, or fails it where an environment variable says that what is missing is required."""
    stop = pytest.fail if os.environ.get(variable) == "required" else pytest.skip
    stop(reason)


def with_npm_packages(folder: Path, variable: str) -> Path:
    """Installs a folder's npm packages, unless another process has; returns the folder."""
    if shutil.which("npm") is None:
        missing(variable, "Node.js is missing: install it (Debian: apt install npm)")
    with FileLock(folder / ".lock"):
        if not (folder / "node_modules" / ".package-lock.json").is_file():
            done = subprocess.run(["npm", "ci"], cwd=folder, text=True, capture_output=True, check=False)
            if done.returncode != 0:
                missing(variable, f"npm can't install the packages of {folder.name}: {done.stderr}")
    return folder
