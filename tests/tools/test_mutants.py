"""The planted faults that the tests catch, and the tool that tries them."""

import re
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from tools.mutants import DRAWN, KILLED, ROOT, SURVIVED, Mutant, read_mutants, run, table

FILES = {
    "pytest.ini": "[pytest]\n",
    "stegnet/__init__.py": "",
    "stegnet/keys/__init__.py": "",
    "stegnet/keys/sums.py": "def two():\n    return 1 + 1\n\n\ndef three():\n    return 1 + 2\n",
    "tests/conftest.py": 'def pytest_addoption(parser):\n    parser.addoption("--touching")\n',
    "tests/keys/test_commit.py": "import subprocess\n\n\n"
    "def test_there_is_a_commit():\n    subprocess.run(['git', 'rev-parse', 'HEAD'], check=True)\n",
    "tests/keys/test_sums.py": "from stegnet.keys.sums import two\n\n\ndef test_two():\n    assert two() == 2\n",
}


def test_each_mutant_breaks_one_place() -> None:
    """Where its text stands no longer, break the same again: the fault counts, not the text."""
    for mutant in read_mutants():
        assert re.fullmatch(r"[A-Z`].*\.", mutant.breaks), mutant.name
        assert mutant.name.partition("-")[0] in Path(mutant.file).with_suffix("").parts, mutant.name
        assert mutant.tests or (mutant.file.endswith((".py", ".c")) and "study" not in mutant.file), mutant.name
        assert not mutant.tests or (ROOT / mutant.tests).is_file(), mutant.name
        faulty = mutant.faulty((ROOT / mutant.file).read_text(encoding="utf-8"))
        if mutant.file.endswith(".py"):
            compile(faulty, mutant.file, "exec")


def test_a_drawn_fault_that_survives_is_shown() -> None:
    drawn = Mutant("sums-line_2", DRAWN, "stegnet/keys/sums.py", "two\nlines", "two\nothers")
    told = table([asdict(drawn) | {"outcome": SURVIVED, "by": "", "seconds": 1}])
    assert told.endswith("\nSURVIVED: sums-line_2\n    - two\n    - lines\n    + two\n    + others")


@pytest.mark.night
def test_one_is_killed_one_survives_and_neither_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, results = tmp_path / "repository", tmp_path / "results"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=root, check=True)
    file = "stegnet/keys/sums.py"
    three, two = (
        Mutant(f"keys-{name}", "It takes away.", file, f"1 + {n}", f"1 - {n}") for name, n in (("three", 2), ("two", 1))
    )
    rows = list(run(root, [three, two], 1, [], 100, results))
    test = "tests/keys/test_sums.py::test_two"
    assert [(row["outcome"], row["by"]) for row in rows] == [(SURVIVED, ""), (KILLED, test)]
    assert f"keys-two: killed by {test}, " in capsys.readouterr().out
    renamed = Mutant("keys-name", "It has another name.", file, "def two", "def zwei")  # so that no test is collected
    (row,) = run(root, [renamed], 1, [], 100, tmp_path / "other")
    assert (row["outcome"], row["by"]) == (KILLED, "tests/keys/test_sums.py")
    assert list(run(root, [three, two], 1, [], 0, results)) == rows
    assert table(rows).splitlines() == [f"{'keys':22}   1 / 2", f"{'all':22}   1 / 2", "SURVIVED: keys-three"]
    assert (root / file).read_text(encoding="utf-8") == FILES[file]
