"""Unusual inputs get the right exit code and a useful message; no file is damaged or left behind."""

import os
import re
import shlex
import shutil
import stat
import tempfile
from argparse import Namespace
from collections import Counter
from contextlib import chdir
from itertools import chain
from pathlib import Path

import av
import pytest
from PIL import Image

from stegnet.cli.command import make_parser
from tests.odd.case import Case, Output, make_kit, run
from tests.odd.groups import GROUPS
from tests.odd.make import nothing

LOG = Path(__file__).with_name("README.md")
CASES = [case for cases in GROUPS.values() for case in cases]
SECRETS = {"secret.png": (40, 50), "secret.mkv": (48, 32, 4), "cover.png": (97, 61)}
PREFIXES = ("error: ", "hint: ", "note: ", "warning: ")
ERROR, USAGE, ALTERED = 1, 2, 3


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    with chdir(folder):
        make_kit()
    return folder


def cases() -> list:
    """All cases; of those that are not refused, `make test` runs every fifth."""
    found = []
    for number, case in enumerate(CASES):
        marks = [pytest.mark.long] if case.code != ERROR and number % 5 else []
        found.append(pytest.param(case, id=case.name[:60], marks=marks))
    return found


@pytest.mark.parametrize("case", cases())
def test_odd_input(case: Case, kit, tmp_path, monkeypatch):
    folder, temporary = tmp_path / "f", tmp_path / "temporary"
    shutil.copytree(kit, folder)
    temporary.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    case.make()
    before = snapshot()
    output = run(case)
    check_messages(case, output)
    check_files(case, before, snapshot())
    assert not list(temporary.iterdir())
    if case.code == 0 and case.line.startswith("hide"):
        check_reveal(make_parser().parse_args(case.arguments), case)
    case.check()


def check_messages(case: Case, output: Output) -> None:
    assert output.code == case.code, output.err
    assert case.says in output.err + output.out
    assert "Traceback" not in output.err
    if output.code == USAGE:
        assert [line.partition(" ")[0] for line in output.err.splitlines()] == ["error:", "hint:"]
        return
    assert all(line.startswith(PREFIXES) for line in output.err.splitlines()), output.err
    assert (output.code == ERROR) == ("\nerror: " in f"\n{output.err}") == (not output.out)
    assert output.code != ALTERED or "warning: " in output.err or "altered: yes" in output.out


def snapshot() -> dict[Path, object]:
    """All files and folders in the current folder, with their content."""
    found = ((folder, name) for folder, *names in os.walk(".") for name in chain(*names))
    return {Path(*place): _content(Path(*place)) for place in found}


def _content(path: Path) -> object:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return path.readlink()
    return (mode, path.read_bytes()) if stat.S_ISREG(mode) else mode


def check_files(case: Case, before: dict[Path, object], after: dict[Path, object]) -> None:
    """Only the output is changed, and only if there is one."""
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    if case.code in (ERROR, USAGE) or case.line.startswith("info"):
        assert not changed
        return
    options = make_parser().parse_args(case.arguments)
    output = getattr(options, "output", None) or options.key_file
    assert changed == {Path(output).resolve().relative_to(Path.cwd())}


def check_reveal(options: Namespace, case: Case) -> None:
    """The secret is revealed complete and at its own size."""
    back = "back.bin" if options.method == "sealed" else f"back{options.output.suffix.lower()}"
    keys = {"--key-file": options.key_file, "--passphrase-file": options.passphrase_file, "--weights": options.weights}
    given = [str(part) for option, value in keys.items() if value for part in (option, value)]
    line = shlex.join(["reveal", "--strict", "-o", back, *given, "--", str(options.output)])
    output = run(Case("", nothing, line))
    assert output.code == 0, output.err
    assert "warning: " not in output.err or "other users can read" in output.err
    if options.method == "sealed" and not case.back:
        assert Path(back).read_bytes() == options.secret.read_bytes()
    else:
        assert size(back) == (case.back or SECRETS[options.secret.name])


def size(path: str) -> tuple[int, ...]:
    """Width and height, and the number of frames of a film."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError:
        with av.open(path) as film:
            frames = list(film.decode(video=0))
        return frames[0].width, frames[0].height, len(frames)


def test_the_log_lists_these_cases():
    """`python -m tools.odd_inputs` updates it."""
    rows = re.findall(r"^\| (\d+) \| (.*?) \| .* \| (\d+) \| .* \|$", LOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for _, name, _ in rows] == [case.name for case in CASES]
    assert max(Counter(case.name for case in CASES).values()) == 1
    assert [(int(number), int(code)) for number, _, code in rows] == [
        (number, case.code) for number, case in enumerate(CASES, 1)
    ]
