"""The command line as its users meet it: commands, and all that came of them, in the text files beside this one.

A line `$ …` is a command. Below it, indented by two spaces, stands what came of it, in order:

    a line of standard output
    ! a line of standard error
    > wrote NAME: what was made or changed there
    > removed NAME
    > exit N, where N is not 0

All else is comment. `pytest tests/transcripts --rewrite` writes what comes of them now.

Each file starts in a folder of its own with the files of corpus.py. `stegnet` runs in this process, and what it draws
follows from the command's text. Besides, there are `convert` (convert.py), `ffmpeg`, and what all shells have. In a
line with `stegnet`, only ` | `, ` < FILE`, ` 99< FILE` and ` > FILE` are a shell's.
"""

import difflib
import os
import re
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from itertools import zip_longest
from pathlib import Path

import pytest

import stegnet
from stegnet.core.names import printable
from tests.support.films import bundled_ffmpeg
from tests.support.temporary import temporary_files_in
from tests.transcripts.corpus import make_corpus
from tests.transcripts.describe import described
from tests.transcripts.shell import by_shell, in_process, lines_of

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
# One processor: folders are done by this process alone, as the randomness of others would be their own.
SETTINGS = {"COLUMNS": "80", "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
# What differs from machine to machine, or from run to run.
VOLATILE = {
    r"/[^ \"]*/temporary/[\w-]+": "<temporary>",
    r"(\d+x\d+, )[\d.]+ (kB|MB|bytes)": r"\1<size>",  # of pictures and films
    r"(\(about |loss, about )[\d.]+ (kB|MB)": r"\1<size>",
    r"[\d.]+ times the cover": "<n> times the cover",
    r'("frames": \d+, "bytes": |"cover_bytes": )\d+': r"\1<n>",
    r"(about|in|takes) [\d.]+ (s|seconds|minutes)\b": r"\1 <time>",
    r"dropped \d+": "dropped <n>",
    r"127\.0\.0\.1:\d+/[\w-]+/": "127.0.0.1:<port>/<token>/",
    re.escape(stegnet.__version__) + "(, compiled kernels)?": "<version>",
}
# What floating-point numbers or encoders decide: no figures and contents are shown, nor those of what is made of it.
ROUGH = re.compile(
    r"network|robust|surviv(?!es: being sent|es.: null)|messenger(?!`\))|enhance|compressed copy"
    r"|convert.*( -resize|\.(webp|avif|jp2))"
    r"|ffmpeg.*( -c:v (?!copy|ffv1|png)| -pix_fmt (?!bgr0|rgb24))|/dev/zero|head -c.*\.(png|mp4)"
)
FIGURES = {
    r"\d+\.\d+ dB": "<n> dB",
    r"[\d,]+ (of [\d,]+ (pixels|samples))": r"<n> \1",
    r'("(container_psnr|changed_pixels|secret_psnr|capacity_used|bits_per_sample)": )[\d.]+': r"\1<n>",
}
OUTCOMES = re.compile(r"^(\$ .*\n)(?:\n*  .*\n)+", re.MULTILINE)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    with chdir(folder):
        make_corpus()
    return folder


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs that transcripts may call."""
    folder = tmp_path_factory.mktemp("programs")
    python = f"PYTHONPATH={shlex.quote(str(HERE.parents[1]))} exec {shlex.quote(sys.executable)}"
    (folder / "stegnet").write_text(f'#!/bin/sh\n{python} -m stegnet "$@"\n')
    (folder / "convert").write_text(f'#!/bin/sh\n{python} {shlex.quote(str(HERE / "convert.py"))} "$@"\n')
    for name in ("stegnet", "convert"):
        (folder / name).chmod(0o755)
    (folder / "ffmpeg").symlink_to(bundled_ffmpeg())
    return folder


@pytest.fixture(autouse=True)
def surroundings(corpus, programs, tmp_path, monkeypatch, capfd) -> Iterator[None]:
    """The working folder, and beside it the one for temporary files, in which nothing is left."""
    (tmp_path / "temporary").mkdir()
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(shutil.copytree(corpus, tmp_path / "work"))
    before = os.umask(0o022)
    with temporary_files_in(tmp_path / "temporary") as temporary:
        yield
    os.umask(before)
    assert list(temporary.iterdir()) == []
    assert capfd.readouterr() == ("", ""), "a library wrote past Python"


@pytest.mark.parametrize("name", [path.stem for path in sorted(HERE.glob("*.txt"))])
def test_transcript(name: str, pytestconfig: pytest.Config, capfd: pytest.CaptureFixture[str]) -> None:
    if name.startswith("help") and sys.version_info >= (3, 13):
        pytest.skip("argparse lays options out in another way")
    rewrite = pytestconfig.getoption("rewrite")
    told = check(HERE / f"{name}.txt", rewrite, as_program=name == "programs")
    if told:
        with capfd.disabled():
            print(f"\n{name}.txt: {told}")


def check(path: Path, rewrite: bool, as_program: bool) -> str:
    """Runs a transcript's commands, and compares or rewrites what came of them; returns what changed."""
    before, now, rough = path.read_text(encoding="utf-8"), [], {"movie.mp4", "photo.webp"}
    for line in OUTCOMES.sub(r"\1", before).splitlines():
        now.append(line)
        if line.startswith("$ "):
            now += [f"  {each}".rstrip() for each in outcome(line[2:], rough, as_program)]
    text = "\n".join(now) + "\n"
    if rewrite:
        path.write_text(text, encoding="utf-8")
    diff = difflib.unified_diff(before.splitlines(), text.splitlines(), path.name, "now", lineterm="", n=4)
    told = what_changed(before.splitlines(), text.splitlines())
    assert rewrite or text == before, "\n".join([told, *diff])
    return told


def what_changed(before: list[str], now: list[str]) -> str:
    """Say how many lines have other samples alone, other figures alone, and other words; "" if all are as before."""
    kinds = Counter[str]()
    for kind, *(first, end, start, stop) in difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for old, new in zip_longest(before[first:end], now[start:stop], fillvalue=""):
            same = [re.sub(pattern, "", old) == re.sub(pattern, "", new) for pattern in (r"sha256 \w+", r"[\d.,]+")]
            kinds["samples" if same[0] else "figures" if same[1] else "words"] += 1
    return ", ".join(f"{count} lines with other {kind}" for kind, count in kinds.items())


def test_what_changed_is_told_by_its_kind() -> None:
    """Figures are within a sentence or the size of a file; samples are told by the digest of a file."""
    lines = ["wrote a.png", "a.png: hard to find (18 of 67 bytes)", "> wrote a.png: PNG 12x9, sha256 aa of its pixels"]
    changes = ("a.png", "b.png", "words"), ("18", "1,900", "figures"), ("aa", "b7", "samples")
    for place, (old, new, kind) in enumerate(changes):
        now = [line.replace(old, new) if index == place else line for index, line in enumerate(lines)]
        assert what_changed(lines, now) == f"1 lines with other {kind}"
    assert what_changed(lines, lines) == ""
    assert what_changed(lines, lines[:1]) == "2 lines with other words"


def outcome(line: str, rough: set[str], as_program: bool) -> Iterator[str]:
    """Runs a command; yields the lines on what came of it.

    Args:
        rough: names of files whose contents are not told, to which those that it made of them are added.
        as_program: starts `stegnet` as a program, whose random bytes are the system's.
    """
    before = snapshot()
    code, said = (in_process if {"stegnet", "convert"} & set(line.split()) and not as_program else by_shell)(line)
    shown = list(lines_of(said))
    named = any(name == word or name.startswith(f"{word}/") for word in shlex.split(line) for name in rough)
    floating = named or as_program or bool(ROUGH.search("\n".join([line, *shown])))
    for pattern, token in (VOLATILE | (FIGURES if floating else {})).items():
        shown = [re.sub(pattern, token, each) for each in shown]
    yield from shown
    after = snapshot()
    for name in sorted(name for name in after if after[name] != before.get(name)):
        rough |= {name} if floating else set()
        yield f"> wrote {printable(name)}: {described(Path(name), exact=not floating)}"
    yield from (f"> removed {printable(name)}" for name in sorted(before.keys() - after.keys()))
    if code:
        yield f"> exit {code}"


def snapshot() -> dict[str, object]:
    """All files and folders below this one."""
    paths = sorted(Path().rglob("*"))
    return {str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in paths}


HARD = re.compile(r": hard to find, if .* \(([\d,]+) of at most ([\d,]+) bytes\)")
MORE = re.compile(r": (?:\w+ may find it|easy to find) \(([\d,]+) bytes; at most ([\d,]+) would be hard to find\)")


def test_a_verdict_agrees_with_the_numbers_that_it_tells() -> None:
    """In whatever a transcript shows: bytes that are hard to find are no more than what would be, others are more."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("*.txt"))
    hard, more = ([[int(n.replace(",", "")) for n in pair] for pair in each.findall(text)] for each in (HARD, MORE))
    assert len(hard) > 20 and all(hidden <= most for hidden, most in hard)
    assert len(more) > 10 and all(hidden > most for hidden, most in more)
