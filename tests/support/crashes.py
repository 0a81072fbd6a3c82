"""Stacks of processes that a test crashed: pytest-xdist names the test alone, and its output may be cut off.

Each process writes its stack to a file of its own when it crashes; the summary shows what is in these files.
"""

import faulthandler
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

FOLDER = pytest.StashKey[TemporaryDirectory[str]]()
SHOWN = 60  # lines of a stack, the crash first


@pytest.hookimpl(trylast=True)  # after pytest's own plugin, which would write to the standard error output
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        path = Path(config.workerinput["crashes"], config.workerinput["workerid"])
        config.add_cleanup(faulthandler.disable)
        faulthandler.enable(path.open("w", encoding="utf-8"))
    else:
        config.stash[FOLDER] = TemporaryDirectory()
        config.add_cleanup(config.stash[FOLDER].cleanup)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["crashes"] = node.config.stash[FOLDER].name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for path in sorted(Path(config.stash[FOLDER].name).iterdir()):
        if stack := path.read_text(encoding="utf-8"):
            terminalreporter.section(f"{path.name} crashed")
            for line in stack.splitlines()[:SHOWN]:
                if not line.startswith("Extension modules"):
                    terminalreporter.line(line)
