import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(__file__).parents[2] / "demo"
CHROMIUM = os.environ.get("STEGNET_CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def demo() -> Path:
    """The demo's folder, with the packages that it is built and tested with."""
    if shutil.which("npm") is None:
        _stop("Node.js is missing: install it (Debian: apt install npm)")
    if not (FOLDER / "node_modules" / ".package-lock.json").is_file():
        done = subprocess.run(["npm", "ci"], cwd=FOLDER, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            _stop(f"npm can't install the demo's packages: {done.stderr}")
    return FOLDER


@pytest.fixture(scope="session")
def page(demo: Path) -> Path:
    """The same, with the page built, on a machine that has a browser to open it."""
    if not Path(CHROMIUM).is_file():
        _stop("Chromium is missing: install it (Debian: apt install chromium), or say by STEGNET_CHROMIUM where it is")
    subprocess.run(["npm", "run", "build"], cwd=demo, check=True)
    return demo


def _stop(reason: str) -> NoReturn:
    stop = pytest.fail if os.environ.get("STEGNET_BROWSER") == "required" else pytest.skip
    stop(reason)
