"""Which tests are collected, in which order, and by how many workers: by marks, `--touching` and `--reached`.

What takes longer than `make quick` may is marked `slow`, `long` what takes longer than `make test` may, and `night`
what takes longer than a landing may; a `night` test is `long`, too, and a `long` one `slow`. A test has the marks of
its folder and its file, its own, and `slow` by its fixtures. A file that does not name a mark holds no other test with
it: where `-m` asks for one, it is not even imported, which takes seconds.
"""

import os
import re
from functools import cache
from itertools import combinations
from pathlib import Path

import psutil
import pytest
from _pytest.mark.expression import Expression

from tools.closure import ROOT, touches

HERE = ROOT / "tests"
IMPLIED = {"night": {"long", "slow"}, "long": {"slow"}, "slow": set(), "arithmetic": set()}
FOLDERS = {"long": ("cluster", "demo", "study"), "slow": ("cli", "networks", "pipeline", "tools")}
SLOW_FIXTURES = {"kit", "make_config", "make_film", "make_sounds", "program", "session"}
# Files that take a minute or more: they begin first, so that at the end no worker is left alone with one.
LONGEST = (
    "pipeline/whole/test_experiments", "cluster/test_cluster", "demo/test_demo", "demo/test_one_page",
    "pipeline/whole/test_pipeline", "transcripts/test_transcripts", "test_wheel", "test_contract",
    "methods/robust/test_messengers", "kernels/test_sanitizers", "demo/test_gui", "test_any_size",
    "files/test_info_and_hide", "pipeline/train/test_stage", "cli/test_hostile_files", "pipeline/test_export",
)  # fmt: skip
TOUCHING = pytest.StashKey[set[Path]]()
REACHED = pytest.StashKey[set[Path] | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--touching", action="append", metavar="FILE", help="only test files that import this one")
    parser.addoption("--reached", metavar="FILES", help="of long tests, those of these files")


def pytest_configure(config: pytest.Config) -> None:
    if chosen := config.getoption("touching"):
        files = {Path(name).resolve() for name in chosen}
        if missing := [str(file) for file in files if file.suffix != ".py" or not file.is_file()]:
            raise pytest.UsageError(f"--touching: no such Python file: {', '.join(missing)}")
        config.stash[TOUCHING] = files
    reached = config.getoption("reached")
    config.stash[REACHED] = None if reached is None else {ROOT / name for name in reached.split()}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not (collection_path.is_dir() or collection_path.match("test_*.py")):
        return None
    files = config.stash.get(TOUCHING, None) if collection_path.is_file() else None
    unwanted = files and not touches(collection_path, files)
    wanted, reached = config.getoption("markexpr", ""), is_reached(collection_path, config)
    return True if unwanted or not may_be_wanted(collection_path, wanted, reached) else None


def is_reached(path: Path, config: pytest.Config) -> bool:
    """May long tests of this file run before the night?"""
    files = config.stash[REACHED]
    return files is None or path.is_dir() or path in files


def may_be_wanted(path: Path, wanted: str, reached: bool = True) -> bool:
    """Can `-m` choose a test of this file or folder?"""
    if not wanted:
        return True
    chosen, (own, others) = Expression.compile(wanted), marks_of(path)
    if not reached and "long" in own:
        own = own | {"night"}
    sets = (own.union(some) for count in range(len(others) + 1) for some in combinations(others, count))
    return any(chosen.evaluate(lambda name, /, names=names, **_: name in names) for names in sets)


@cache
def marks_of(path: Path) -> tuple[set[str], set[str]]:
    """Marks that all tests of a file or folder have, and others that some of them may have."""
    place = path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) and path != HERE else ""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    line = "".join(re.findall(r"^pytestmark = (?:\[\n.*?^\]|[^\n]*)", text, re.MULTILINE | re.DOTALL))
    own = with_implied({name for name in IMPLIED if place in FOLDERS.get(name, ()) or f"mark.{name}" in line})
    named = with_implied({name for name in IMPLIED if path.is_dir() or name == "slow" or f"mark.{name}" in text})
    return own, named - own


def with_implied(marks: set[str]) -> set[str]:
    return marks.union(*(IMPLIED[mark] for mark in marks))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        own, _ = marks_of(item.path)
        slow = {"slow"} if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())) else set()
        marks = with_implied(own | slow | {name for name in IMPLIED if item.get_closest_marker(name)})
        if "long" in marks and not is_reached(item.path, item.config):
            marks.add("night")
        for name in marks:
            item.add_marker(name)
    order = {HERE / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: a worker for each physical core that this process may use, and one more, as tests wait now and then.

    Each has 3 GiB of memory.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # as on macOS
    cores = min(psutil.cpu_count(logical=False) or 1, usable)
    return max(1, min(cores + 1, psutil.virtual_memory().total // (3 << 30)))
