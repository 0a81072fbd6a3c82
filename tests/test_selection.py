"""Parts of the tests: those that import a file, by `--touching=FILE`, and the quick ones, by their marker."""

import subprocess
import sys

import pytest

from tests.conftest import LONG_PLACES, SLOW_FOLDERS
from tools.closure import ROOT, touches

pytestmark = pytest.mark.slow


def collect(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("test", "file", "expected"),
    [
        ("tests/sealing/test_embedding.py", "stegnet/sealing/embedding.py", True),
        ("tests/sealing/test_embedding.py", "pipeline/prepare/scenes.py", False),
        ("tests/cli/test_keys.py", "stegnet/sealing/embedding.py", True),  # by cli/conftest.py
        ("tests/test_layers.py", "stegnet/sealing/embedding.py", False),  # imported by the topmost conftest.py only
        ("tests/methods/network/test_frames.py", "tests/support/pairs.py", True),
        ("tests/keys/test_keys.py", "stegnet/keys/keys.py", True),  # by name, from a package that imports it then
        ("tests/cli/test_keys.py", "stegnet/cli/commands/keygen.py", True),  # by its name
        ("tests/test_api.py", "stegnet/files/album.py", True),  # by `stegnet.hide_album`
        ("tests/test_api.py", "stegnet/methods/h264.py", True),  # by the registry
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
    touched = {"tests/media/test_enhance.py", "tests/media/test_metadata.py"}  # the latter runs the command line
    assert listed("--touching=stegnet/media/denoise.py", "tests/media", "tests/keys") == touched
    done = collect("--touching=stegnet/missing.py", "tests/test_layers.py")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --touching: no such Python file: {ROOT / 'stegnet/missing.py'}" in done.stderr


def test_marks_follow_from_fixtures_folders_and_files() -> None:
    """`make test` and `make test-services` run each test once."""
    names = ("sealing/test_trellis", "core/test_extras", "cli/test_signals", "cluster/test_cluster")
    files = [f"tests/{name}.py" for name in names]
    for marks, chosen in {"not slow": files[:1], "not long": files[:3], "long": files[3:]}.items():
        assert listed("-m", marks, *files) == set(chosen)
    places = (*LONG_PLACES, *SLOW_FOLDERS)
    assert [place for place in places if not list((ROOT / "tests").glob(f"{place}*"))] == []
