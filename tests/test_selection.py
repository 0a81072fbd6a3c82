"""Parts of the tests: by `--touching=FILE`, by their marks, and those that a change reaches."""

import subprocess
import sys
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

import pytest

from tests.support.lanes import FOLDERS, LONGEST, may_be_wanted
from tools.closure import ROOT, touches
from tools.reached import ALONE, COMPUTED, EVERYWHERE, UNSEEN, git, landed, main as reached_by_a_change, marked, reached

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
        ("tests/keys/test_keys.py", "stegnet/keys/sources.py", True),  # by name, from a package that imports it then
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
    """`make quick`, what `make test` adds to it, and `make test-services` run each test once."""
    names = ("sealing/test_trellis", "core/test_extras", "cli/test_signals", "cluster/test_cluster")
    files = [f"tests/{name}.py" for name in names]
    for marks, chosen in {"not slow": files[:1], "slow and not long": files[1:3], "long": files[3:]}.items():
        assert listed("-m", marks, *files) == set(chosen)
    places = (*chain.from_iterable(FOLDERS.values()), *(f"{name}.py" for name in LONGEST))
    assert [place for place in places if not (ROOT / "tests" / place).exists()] == []


def test_a_landing_asks_long_tests_of_the_files_that_it_reaches_and_all_slow_ones() -> None:
    files = [f"tests/{name}.py" for name in ("test_wheel", "kernels/test_sanitizers", "core/test_extras")]
    for reached_files, chosen in {"": files[2:], files[1]: files[1:], " ".join(files[:2]): files}.items():
        assert listed("-m", "slow and not night", "--reached", reached_files, *files) == set(chosen)
        assert may_be_wanted(ROOT / files[0], "slow and not night", files[0] in reached_files) == (files[0] in chosen)


def test_a_file_that_names_no_long_test_is_not_imported_for_one(tmp_path: Path) -> None:
    """And one all of whose tests are long is not imported for others."""
    mark = ".".join(["pytest", "mark"])  # not in one piece, or this file would be taken for one that has them
    kinds = {
        "long": f"pytestmark = [\n    {mark}.long,\n]",
        "mixed": f"@{mark}.long",
        "night": f"pytestmark = {mark}.night",
        "quick": "",
        "some": f"@{mark}.night",
    }
    for name, line in kinds.items():
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n\n{line}\ndef test_it(): pass\n", encoding="utf-8")
    for marks, wanted in {
        "long": ["long", "mixed", "night", "some"],
        "long and not night": ["long", "mixed", "some"],
        "not long": ["mixed", "quick", "some"],
        "arithmetic": [],
    }.items():
        assert [name for name in sorted(kinds) if may_be_wanted(tmp_path / f"test_{name}.py", marks)] == wanted


def test_what_is_left_to_the_night_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole files, and tests of others; the same are left out when the files are run."""
    monkeypatch.setattr("sys.argv", ["reached", "long", "--since", "HEAD~1"])
    monkeypatch.setattr("tools.reached.git", lambda *command: "Makefile\n")
    reached_by_a_change()
    said = capsys.readouterr()
    left = said.err.partition("left to the night, long: ")[2].split()
    files = said.out.split()
    assert files and not [name for name in left if "::" not in name and name in files]
    assert {name.partition("::")[0] for name in left if "::" in name} <= set(files)
    done = collect("-m", "night", "tests/tools")
    found = {name.partition("[")[0] for name in done.stdout.splitlines() if "::" in name}
    assert found == {name for name in left if name.startswith("tests/tools/")}


@pytest.mark.parametrize(
    ("changes", "some", "others"),
    [
        (["CHANGELOG.md", "tests/transcripts/info.txt"], "", "test_wheel demo/test_demo pipeline/whole/test_pipeline"),
        (["docs/films.md"], "test_wheel", "demo/test_demo pipeline/whole/test_pipeline"),
        (["demo/src/reveal.js"], "demo/test_demo demo/test_gui", "test_wheel pipeline/whole/test_pipeline"),
        (["dvc.yaml"], "pipeline/whole/test_pipeline", "demo/test_demo test_wheel"),
        (["stegnet/sealing/embedding.py"], "demo/test_jpeg_page", "study/test_robust demo/test_demo"),  # use all of it
        (
            ["stegnet/gui/browser/format/seal.js"],
            "demo/test_demo demo/test_one_page demo/test_gui",
            "study/test_robust",
        ),
        (["tests/format/recipient.json"], "demo/test_demo", "test_wheel"),
        (["study/robust.py"], "study/test_robust", "study/test_classical demo/test_demo"),
        (["tests/support/sharp/save.js"], "channels/test_recovery", "demo/test_demo"),
        (["stegnet/kernels/_scans.c"], "kernels/test_sanitizers demo/test_jpeg_page test_wheel", "tools/test_mutants"),
        (["tests/study/conftest.py"], "study/test_robust", "demo/test_demo"),
        (["constraints.txt"], "tools/test_mutants demo/test_demo test_wheel pipeline/whole/test_pipeline", ""),
    ],
)
def test_which_long_tests_a_change_reaches(changes: list[str], some: str, others: str) -> None:
    found = {path.relative_to(ROOT / "tests").with_suffix("").as_posix() for path in reached(marked("long"), changes)}
    assert found >= set(some.split())
    assert not found & set(others.split())


def test_other_arithmetic_is_tried_where_networks_change() -> None:
    for name, tried in {"stegnet/networks/pair.py": True, "stegnet/keys/sources.py": False}.items():
        assert bool(reached(marked("arithmetic"), [name], "arithmetic")) == tried


def test_what_imports_do_not_show_stands_in_a_table_whose_names_exist() -> None:
    tracked = git("ls-files").splitlines()
    long = [path.relative_to(ROOT).as_posix() for path in marked("long")]
    for tests, patterns in (*UNSEEN.items(), *ALONE.items()):
        assert any(fnmatch(name, tests) for name in long), tests
        assert [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in tracked)] == []
    assert [each for each in (*EVERYWHERE, *COMPUTED) if not any(fnmatch(name, each) for name in tracked)] == []


def test_what_landed_last_is_where_the_branch_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells, the answer is that it is not known: then everything runs."""
    monkeypatch.setattr("tools.reached.ROOT", tmp_path)
    assert landed() is None
    for command in ("init -q -b main .", "commit -q --allow-empty -m first"):
        git("-c", "user.name=test", "-c", "user.email=test@localhost", *command.split())
    assert landed() is None
    first = git("rev-parse", "HEAD").strip()
    git("update-ref", "refs/remotes/origin/main", first)
    assert landed() is None
    git("-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-q", "--allow-empty", "-m", "second")
    assert landed() == first


def test_without_a_remote_repository_a_file_names_what_landed_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that is not there, as in a shallow clone, tells nothing."""
    monkeypatch.setattr("tools.reached.ROOT", tmp_path)
    git("init", "-q", "-b", "main", ".")
    commits = []
    for name in ("first", "second"):
        git("-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "--allow-empty", "-m", name)
        commits.append(git("rev-parse", "HEAD"))
    (tmp_path / ".ci").mkdir()
    for written, expected in {commits[0]: commits[0].strip(), commits[1]: None, "0" * 40: None, "": None}.items():
        (tmp_path / ".ci/landed").write_text(written, encoding="utf-8")
        assert landed() == expected
