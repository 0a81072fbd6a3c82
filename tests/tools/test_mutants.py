"""The single-line faults that the tests catch, and the tool that tries them."""

import re
import subprocess
from difflib import unified_diff
from pathlib import Path

import pytest

from tools.mutants import KILLED, ROOT, SURVIVED, run, table

PATCHES = sorted((ROOT / "tests/mutants").glob("*.patch"))
SUMS = ["def two():\n", "    return 1 + 1\n", "\n", "\n", "def three():\n", "    return 1 + 2\n"]
FILES = {
    "pytest.ini": "[pytest]\n",
    "stegnet/__init__.py": "",
    "stegnet/keys/__init__.py": "",
    "stegnet/keys/sums.py": "".join(SUMS),
    "tests/conftest.py": 'def pytest_addoption(parser):\n    parser.addoption("--touching")\n',
    "tests/keys/test_commit.py": "import subprocess\n\n\n"
    "def test_there_is_a_commit():\n    subprocess.run(['git', 'rev-parse', 'HEAD'], check=True)\n",
    "tests/keys/test_sums.py": "from stegnet.keys.sums import two\n\n\ndef test_two():\n    assert two() == 2\n",
}


def test_a_patch_says_what_it_breaks_in_one_line_of_one_file() -> None:
    for patch in PATCHES:
        text = patch.read_text(encoding="utf-8")
        sentence, *rest = text.partition("\n--- a/")[0].splitlines()
        assert re.fullmatch(r"[A-Z`].*\.", sentence), patch
        assert all(line.startswith("Survivor: ") for line in rest), patch
        (file,) = re.findall(r"^\+\+\+ b/(.+)$", text, re.MULTILINE)
        package = patch.stem.partition("-")[0].replace(".", "/")
        inside = file.startswith((f"stegnet/{package}/", f"{package}/"))
        assert inside or file in (f"stegnet/{package}.py", f"{package}.py"), patch
        signs = [line[0] for line in text.partition("\n@@")[2].splitlines() if line[0] in "+-"]
        assert signs in (["-"], ["-", "+"]), patch


def test_all_patches_apply() -> None:
    """Where one does not any more, break the same again: the fault counts, not the text."""
    for patch in PATCHES:
        check = subprocess.run(
            ["git", "apply", "--check", patch], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert not check.returncode, check.stderr


@pytest.mark.long
def test_one_is_killed_one_survives_and_neither_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, results = tmp_path / "repository", tmp_path / "results"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=root, check=True)
    patches = [tmp_path / "keys-three.patch", tmp_path / "keys-two.patch"]
    for patch, line in zip(patches, (5, 1), strict=True):
        faulty = [*SUMS[:line], SUMS[line].replace("+", "-"), *SUMS[line + 1 :]]
        diff = unified_diff(SUMS, faulty, "a/stegnet/keys/sums.py", "b/stegnet/keys/sums.py")
        patch.write_text("It takes away.\n" + "".join(diff), encoding="utf-8")
    rows = list(run(root, patches, 1, [], 100, results))
    test = "tests/keys/test_sums.py::test_two"
    assert [(row["outcome"], row["by"]) for row in rows] == [(SURVIVED, ""), (KILLED, test)]
    assert f"keys-two: killed by {test}, " in capsys.readouterr().out
    assert list(run(root, patches, 1, [], 0, results)) == rows
    assert table(rows).splitlines() == [f"{'keys':22}   1 / 2", f"{'all':22}   1 / 2", "SURVIVED: keys-three"]
    assert (root / "stegnet/keys/sums.py").read_text(encoding="utf-8") == FILES["stegnet/keys/sums.py"]
