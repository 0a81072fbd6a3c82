"""What a user gets for odd inputs: the right exit code, a message to go by, nothing harmed and nothing left behind."""

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
from tests.odd.case import Case, Said, make_kit, run
from tests.odd.groups import GROUPS
from tests.odd.make import nothing

PAGE = Path(__file__).parents[2] / "docs" / "inputs.md"
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
    marks = {case: [pytest.mark.xfail(reason=case.bug, strict=True)] if case.bug else [] for case in CASES}
    return [pytest.param(case, id=case.name[:60], marks=marks[case]) for case in CASES]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", cases())
def test_odd_input(case: Case, kit, tmp_path, monkeypatch):
    folder, temporary = tmp_path / "f", tmp_path / "temporary"
    shutil.copytree(kit, folder)
    temporary.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    case.make()
    before = seen()
    said = run(case)
    check_words(case, said)
    check_files(case, before, seen())
    assert not list(temporary.iterdir())
    if case.code == 0 and case.line.startswith("hide"):
        check_return(make_parser().parse_args(case.arguments), case)
    case.check()


def check_words(case: Case, said: Said) -> None:
    assert said.code == case.code, said.err
    assert case.says in said.err + said.out
    assert "Traceback" not in said.err
    if said.code == USAGE:
        assert said.err.startswith("usage: stegnet")
        return
    assert all(line.startswith(PREFIXES) for line in said.err.splitlines()), said.err
    assert (said.code == ERROR) == said.err.startswith("error: ") == (not said.out)
    assert said.code != ALTERED or "warning: " in said.err or "whole: no" in said.out


def seen() -> dict[Path, object]:
    """All that is in the current folder."""
    found = ((folder, name) for folder, *names in os.walk(".") for name in chain(*names))
    return {Path(*place): _seen(Path(*place)) for place in found}


def _seen(path: Path) -> object:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return path.readlink()
    return (mode, path.read_bytes()) if stat.S_ISREG(mode) else mode


def check_files(case: Case, before: dict[Path, object], after: dict[Path, object]) -> None:
    """Nothing is changed but the output, and that only if there is one."""
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    if case.code in (ERROR, USAGE) or case.line.startswith("info"):
        assert not changed
        return
    options = make_parser().parse_args(case.arguments)
    output = getattr(options, "output", None) or options.key_file
    assert changed == {Path(output).resolve().relative_to(Path.cwd())}


def check_return(options: Namespace, case: Case) -> None:
    """What was hidden comes back at once, whole, and at its own size."""
    back = "back.bin" if options.method == "sealed" else f"back{options.output.suffix.lower()}"
    keys = {"--key-file": options.key_file, "--passphrase-file": options.passphrase_file, "--weights": options.weights}
    given = [str(part) for option, value in keys.items() if value for part in (option, value)]
    line = shlex.join(["reveal", "--strict", "-o", back, *given, "--", str(options.output)])
    said = run(Case("", nothing, line))
    assert said.code == 0, said.err
    assert "warning: " not in said.err or "other users can read" in said.err
    if options.method == "sealed" and not options.compress:
        assert Path(back).read_bytes() == options.secret.read_bytes()
    else:
        assert size(back) == (case.back or SECRETS[options.secret.name])


def size(path: str) -> tuple[int, ...]:
    """Width and height; of a film the number of frames besides."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError:
        with av.open(path) as film:
            frames = list(film.decode(video=0))
        return frames[0].width, frames[0].height, len(frames)


def test_every_case_has_a_name_of_its_own():
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


def test_the_page_shows_these_cases():
    """`python -m tools.odd_inputs` writes it anew."""
    rows = re.findall(r"^\| (\d+) \| (.*?) \| .* \| (\d+) \| .* \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for _, name, _ in rows] == [case.name for case in CASES]
    for number, (row, case) in enumerate(zip(rows, CASES, strict=True), 1):
        assert row == (str(number), case.name, str(case.code)) or case.bug
