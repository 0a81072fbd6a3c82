"""Runs all cases of `tests/odd`, and writes what the program says to docs/inputs.md: python -m tools.odd_inputs."""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from tqdm import tqdm

from stegnet.cli.messages import escape
from tests.odd.case import Case, Said, make_kit, run
from tests.odd.groups import GROUPS

PAGE = Path(__file__).parents[1] / "docs" / "inputs.md"
INTRODUCTION = """\
# Odd inputs

What happens with files that are not as they should be, keys that are none, and places where nothing can be written.
Each row was run; `tests/odd` holds the cases, and `make test` runs them again. `--key-file k --weights w` is left out
of commands that name no other. Exit codes: 0 done, 1 refused, 2 a wrong command line, 3 revealed from a container that
was altered. After 1 and 2 all files are as they were, and none is new.

The covers are `cover.png` (97×61) and `cover.mkv` (96×64, 6 frames, with sound), the secrets `secret.png` (40×50) and
`secret.mkv` (48×32, 4 frames); they are in `hidden.png`, `hidden.mkv` and `hidden.mp4`. `sealed.png` and `sealed.mkv`
hold `notes.txt` byte for byte. The network is not trained: how well the secret comes back is not looked at here.
"""
_LONGEST = 120
HEAD = "| | input | command | exit | what is said |\n|---|---|---|---|---|\n"


def main() -> None:
    with TemporaryDirectory() as folder:
        kit = Path(folder, "kit")
        kit.mkdir()
        with chdir(kit):
            make_kit()
        said = {case: _run(case, kit) for case in tqdm([case for cases in GROUPS.values() for case in cases])}
    PAGE.write_text(INTRODUCTION + "".join(_tables(said)), encoding="utf-8")
    wrong = [
        case.name
        for case, answer in said.items()
        if answer.code != case.code or case.says not in answer.err + answer.out
    ]
    print(f"{len(said)} cases; see {PAGE.name}")
    sys.exit(f"not as decided: {'; '.join(wrong)}" if wrong else 0)


def _run(case: Case, kit: Path) -> Said:
    with TemporaryDirectory() as folder:
        place = Path(folder, "f")
        shutil.copytree(kit, place)
        with chdir(place):
            case.make()
            return run(case)


def _tables(said: dict[Case, Said]) -> Iterator[str]:
    numbers = {case: number for number, case in enumerate(said, 1)}
    for group, cases in GROUPS.items():
        yield f"\n## {group}\n{HEAD}"
        for case in cases:
            answer = said[case]
            told = answer.line(case.says)
            yield f"| {numbers[case]} | {case.name} | {_code(case.line)} | {answer.code} | {_code(told)} |\n"


def _code(text: str) -> str:
    """Text as code, on one line and not too long."""
    text = re.sub(rf"{re.escape(gettempdir())}/(stegnet-)\w+", r"$TMPDIR/\1…", escape(text))
    short = re.sub(r"(.)\1{9,}", r"\1…", text)
    short = short if len(short) <= _LONGEST else f"{short[:_LONGEST]}…"
    return f"`` {short} ``".replace("|", r"\|") if "`" in short else f"`{short}`".replace("|", r"\|")


if __name__ == "__main__":
    main()
