"""Runs all cases of `tests/odd` and writes their output to tests/odd/README.md: python -m tools.odd_inputs."""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from tqdm import tqdm

from stegnet.cli.messages import escape
from tests.odd.case import Case, Output, make_kit, run
from tests.odd.groups import GROUPS

LOG = Path(__file__).parents[1] / "tests" / "odd" / "README.md"
INTRODUCTION = """\
# Unusual inputs: a test log

Unusual and broken files, invalid keys, and output paths that can't be written. `python -m tools.odd_inputs` runs all
cases and writes this page; `make test-all` runs them too. [docs/inputs.md](../../docs/inputs.md) lists the
supported formats.

Commands are shown without `--key-file k --weights w`. Exit codes: 0 success, 1 refused, 2 usage error, 3 revealed from
a container that was altered. After 1 and 2, no file has changed or was added.

The covers are `cover.png` (97×61) and `cover.mkv` (96×64, 6 frames, with sound), the secrets `secret.png` (40×50) and
`secret.mkv` (48×32, 4 frames); they are hidden in `hidden.png`, `hidden.mkv` and `hidden.mp4`. `sealed.png` and
`sealed.mkv` contain the file `notes.txt`. The network is not trained, so the quality of secrets is meaningless here.
"""
_MAX_CHARACTERS = 120
HEAD = "| | input | command | exit | output |\n|---|---|---|---|---|\n"


def main() -> None:
    tqdm.monitor_interval = 0  # its thread would refresh the bar while a case's output is captured
    with TemporaryDirectory() as folder:
        kit = Path(folder, "kit")
        kit.mkdir()
        with chdir(kit):
            make_kit()
        outputs = {case: _run(case, kit) for case in tqdm([case for cases in GROUPS.values() for case in cases])}
    LOG.write_text(INTRODUCTION + "".join(_tables(outputs)), encoding="utf-8")
    wrong = [
        case.name
        for case, output in outputs.items()
        if output.code != case.code or case.says not in output.err + output.out
    ]
    print(f"{len(outputs)} cases; see {LOG}")
    sys.exit(f"unexpected output: {'; '.join(wrong)}" if wrong else 0)


def _run(case: Case, kit: Path) -> Output:
    with TemporaryDirectory() as folder:
        place = Path(folder, "f")
        shutil.copytree(kit, place)
        with chdir(place):
            case.make()
            return run(case)


def _tables(outputs: dict[Case, Output]) -> Iterator[str]:
    numbers = {case: number for number, case in enumerate(outputs, 1)}
    for group, cases in GROUPS.items():
        yield f"\n## {group}\n{HEAD}"
        for case in cases:
            output = outputs[case]
            line = _code(output.line(case.says))
            yield f"| {numbers[case]} | {case.name} | {_code(case.line)} | {output.code} | {line} |\n"


def _code(text: str) -> str:
    """Text as inline code, on one line and shortened."""
    text = re.sub(rf"{re.escape(gettempdir())}/(stegnet-)\w+", r"$TMPDIR/\1…", escape(text))
    short = re.sub(r"(.)\1{9,}", r"\1…", text)
    short = short if len(short) <= _MAX_CHARACTERS else f"{short[:_MAX_CHARACTERS]}…"
    return f"`` {short} ``".replace("|", r"\|") if "`" in short else f"`{short}`".replace("|", r"\|")


if __name__ == "__main__":
    main()
