import os
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.required import missing, with_npm_packages

FOLDER = Path(__file__).parents[2] / "demo"
PAGE = FOLDER.parent / "stegnet" / "gui" / "page"
FIREFOX = os.environ.get("STEGNET_FIREFOX", "/usr/bin/firefox-esr")
CHROMIUM = os.environ.get("STEGNET_CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def demo() -> Path:
    """The demo's folder, with its npm packages installed."""
    return with_npm_packages(FOLDER, "STEGNET_BROWSER")


@pytest.fixture(scope="session")
def page(demo: Path, testrun_uid: str) -> Path:
    """The same folder with the page built; needs Chromium."""
    needs_chromium()
    built = demo / "node_modules" / ".built"
    with FileLock(demo / ".lock"):  # other processes of this run may use the page that one of them has built
        if not built.is_file() or built.read_text() != testrun_uid:
            subprocess.run(["npm", "run", "build"], cwd=demo, check=True)
            built.write_text(testrun_uid)
    return demo


def node(demo: Path, *tests: str, **environment: str) -> None:
    """Runs tests of the page."""
    subprocess.run(["node", "--test", *tests], cwd=demo, env=os.environ | environment, check=True)


@pytest.fixture(scope="session")
def firefox() -> str:
    """Path of Firefox."""
    if not Path(FIREFOX).is_file():
        reason = "Firefox is missing: install it (Debian: apt install firefox-esr), or set STEGNET_FIREFOX to its path"
        missing("STEGNET_BROWSER", reason)
    return FIREFOX


def needs_chromium() -> None:
    """Skips a test where there is no Chromium."""
    if not Path(CHROMIUM).is_file():
        reason = "Chromium is missing: install it (Debian: apt install chromium), or set STEGNET_CHROMIUM to its path"
        missing("STEGNET_BROWSER", reason)
