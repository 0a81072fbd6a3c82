"""Parts of the tests: those that import a file, by `--touching=FILE`, and the quick ones, by their marker."""

import subprocess
import sys

import pytest

from tests.closure import ROOT, closure, touches
from tests.conftest import LONG_PLACES, SLOW_FOLDERS


def collect(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)


def test_a_closure_holds_what_is_imported_through_others() -> None:
    found = closure(ROOT / "stegnet/media/compress.py")
    assert {ROOT / "stegnet/media/pictures/pictures.py", ROOT / "stegnet/core/errors.py"} <= found
    assert ROOT / "stegnet/sealing/seal.py" not in found


@pytest.mark.parametrize(
    ("test", "file", "expected"),
    [
        ("tests/sealing/test_seal.py", "stegnet/sealing/seal.py", True),
        ("tests/sealing/test_seal.py", "stegnet/data/scenes.py", False),
        ("tests/cli/test_info.py", "stegnet/sealing/seal.py", True),  # by cli/conftest.py
        ("tests/test_layers.py", "stegnet/sealing/seal.py", False),  # imported by the topmost conftest.py only
        ("tests/methods/network/test_frame.py", "tests/support/pairs.py", True),
    ],
)
def test_which_tests_touch_a_file(test: str, file: str, expected: bool) -> None:
    assert touches(ROOT / test, {ROOT / file}) == expected


def listed(*options: str) -> set[str]:
    """The files that have tests among those collected."""
    done = collect(*options)
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}


def test_only_what_touches_the_file_is_collected() -> None:
    assert listed("--touching=stegnet/media/vmaf.py", "tests/media", "tests/webcam") == {"tests/media/test_vmaf.py"}


def test_marks_follow_from_fixtures_folders_and_files() -> None:
    """`make test` and `make test-long` run each test once."""
    steps, film, program, cluster = (
        f"tests/{name}.py"
        for name in ("sealing/test_steps", "media/test_rewrap", "cli/test_signals", "cluster/test_tasks")
    )
    files = [steps, film, program, cluster]
    assert listed("-m", "not slow", *files) == {steps}
    assert listed("-m", "not long", *files) == {steps, film, program}
    assert listed("-m", "long", *files) == {cluster}


def test_places_that_are_marked_exist() -> None:
    places = (*LONG_PLACES, *SLOW_FOLDERS)
    assert [place for place in places if not list((ROOT / "tests").glob(f"{place}*"))] == []


@pytest.mark.parametrize("name", ["params.yaml", "stegnet/missing.py"])
def test_a_file_that_is_none_is_refused(name: str) -> None:
    done = collect(f"--touching={name}", "tests/test_layers.py")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --touching: no such Python file: {ROOT / name}" in done.stderr
