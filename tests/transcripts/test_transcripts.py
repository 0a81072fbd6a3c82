"""The command line as its users meet it: commands, and all that came of them, in the text files beside this one.

A line `$ …` is a command. Below it, indented by two spaces, stands what came of it, in order:

    a line of standard output
    ! a line of standard error
    > wrote NAME: what was made or changed there
    > removed NAME
    > exit N, where N is not 0

All else is comment. `pytest tests/transcripts --rewrite` writes what comes of them now.

Each file starts in a folder of its own with the files of corpus.py. `stegnet` runs in this process, and what it draws
follows from the command's text. Besides, there are `convert` (convert.py), `ffmpeg`, and of the shell: cat, chmod, cmp,
cp, ln, ls, mkdir, mv, printf, rm. ` | `, ` < FILE`, ` 99< FILE` and ` > FILE` are a shell's.
"""

import difflib
import hashlib
import io
import os
import random
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path

import av
import pytest
from PIL import ExifTags, Image

import stegnet
from stegnet.cli import main
from stegnet.media.ffmpeg_cli import bundled_ffmpeg
from tests.support.waiting import LIMIT
from tests.transcripts.corpus import make_corpus

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SETTINGS = {"COLUMNS": "80", "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1"}
# What differs from machine to machine, or from run to run.
VOLATILE = {
    r"/[^ \"]*/temporary/[\w-]+": "<temporary>",
    r"(\d+x\d+, )[\d.]+ (MB|bytes)": r"\1<size>",  # of pictures and films
    r"[\d.]+ times the cover": "<n> times the cover",
    r'("frames": \d+, "bytes": |"cover_bytes": )\d+': r"\1<n>",
    r"(about|in|takes) [\d.]+ (s|seconds|minutes)\b": r"\1 <time>",
    r"127\.0\.0\.1:\d+/[\w-]+/": "127.0.0.1:<port>/<token>/",
    re.escape(stegnet.__version__) + ", .*": "<version>",
}
# What floating-point numbers or encoders decide: no figures and contents are shown, nor those of what is made of it.
ROUGH = re.compile(r"network|robust|surviv|messenger|enhance|was compressed|webcam|convert.* -resize")
FIGURES = {
    r"\d+\.\d+ dB": "<n> dB",
    r"[\d,]+ (of [\d,]+ (pixels|samples))": r"<n> \1",
    r'("(container_psnr|changed_pixels|secret_psnr|room_used|bits_per_sample)": )[\d.]+': r"\1<n>",
}
OUTCOMES = re.compile(
    r"^(\$ .*\n)(?:\n*  .*\n)+", re.MULTILINE
)  # with the empty lines among them
Said = list[tuple[str, bytes]]  # by `out` or `err`, and what


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
    (folder / "stegnet").write_text(f'#!/bin/sh\n{python} -m stegnet.cli "$@"\n')
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
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(shutil.copytree(corpus, tmp_path / "work"))
    before = os.umask(0o022)
    yield
    os.umask(before)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert capfd.readouterr() == ("", ""), "a library wrote past Python"


@pytest.mark.parametrize("name", [path.stem for path in sorted(HERE.glob("*.txt"))])
def test_transcript(name: str, pytestconfig: pytest.Config) -> None:
    check(HERE / f"{name}.txt", pytestconfig.getoption("rewrite"), in_process=name != "programs")


def check(path: Path, rewrite: bool, in_process: bool) -> None:
    """Runs a transcript's commands, and compares or rewrites what came of them."""
    before, now, rough = path.read_text(encoding="utf-8"), [], {"movie.mp4", "photo.webp"}
    for line in OUTCOMES.sub(r"\1", before).splitlines():
        now.append(line)
        if line.startswith("$ "):
            now += [f"  {each}".rstrip() for each in outcome(line[2:], rough, in_process)]
    text = "\n".join(now) + "\n"
    if rewrite:
        path.write_text(text, encoding="utf-8")
    diff = difflib.unified_diff(before.splitlines(), text.splitlines(), path.name, "now", lineterm="", n=4)
    assert rewrite or text == before, "\n".join(diff)


def outcome(line: str, rough: set[str], in_process: bool) -> Iterator[str]:
    """Runs a command; yields the lines on what came of it.

    Args:
        rough: names of files whose contents are not told, to which those that it made of them are added.
    """
    before = snapshot()
    code, said = (by_parts if in_process and "stegnet" in line.split() else by_shell)(line)
    shown = list(lines_of(said))
    named = any(name == word or name.startswith(f"{word}/") for word in shlex.split(line) for name in rough)
    floating = named or not in_process or bool(ROUGH.search("\n".join([line, *shown])))
    for pattern, token in (VOLATILE | (FIGURES if floating else {})).items():
        shown = [re.sub(pattern, token, each) for each in shown]
    yield from shown
    after = snapshot()
    for name in sorted(name for name in after if after[name] != before.get(name)):
        rough |= {name} if floating else set()
        yield f"> wrote {name}: {described(Path(name), not floating)}"
    yield from (f"> removed {name}" for name in sorted(before.keys() - after.keys()))
    if code:
        yield f"> exit {code}"


def snapshot() -> dict[str, object]:
    """All files and folders below this one."""
    paths = sorted(Path().rglob("*"))
    return {str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in paths}


def by_shell(line: str, data: bytes = b"") -> tuple[int, Said]:
    done = subprocess.run(["sh", "-c", line], capture_output=True, input=data, timeout=LIMIT, check=False)
    return done.returncode, [("out", done.stdout), ("err", done.stderr)]


def by_parts(line: str) -> tuple[int, Said]:
    """Runs what a `|` separates one after the other, `stegnet` in this process."""
    data, said, told, code = b"", [], [], 0
    *_, last = parts = line.split(" | ")
    for part in parts:
        words, files = shlex.split(part), {}
        while len(words) > 2 and re.fullmatch(r"\d*[<>]", words[-2]):
            files[words[-2]], words = words[-1], words[:-2]
        if words[0] == "stegnet":
            code, said = by_main(words[1:], Path(files["<"]).read_bytes() if "<" in files else data, part, files)
        else:
            code, said = by_shell(part, data)
        data = b"".join(what for stream, what in said if stream == "out")
        if words[0] == "stegnet" and ">" in files:
            Path(files[">"]).write_bytes(data)
        told += [each for each in said if each[0] == "err" or (part is last and ">" not in files)]
    return code, told


def by_main(words: list[str], stdin: bytes, seed: str, files: dict[str, str]) -> tuple[int, Said]:
    """Calls the command line; of its output, the order is kept."""
    said: Said = []
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("stegnet.core.randomness.urandom", random.Random(seed).randbytes)
        patch.setattr("random._urandom", random.Random(seed).randbytes)  # of the module secrets
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        for name in ("out", "err"):
            patch.setattr(f"sys.std{name}", io.TextIOWrapper(Recorder(name, said), "utf-8", write_through=True))
        for number, path in files.items():
            if number[:-1]:
                stack.enter_context(opened_as(int(number[:-1]), path))
        try:
            return main(words), said
        except SystemExit as stop:
            return int(stop.code or 0), said


@contextmanager
def opened_as(number: int, path: str) -> Iterator[None]:
    """Opens a file under a number."""
    with open(path, "rb") as file:
        os.dup2(file.fileno(), number)
    yield
    os.close(number)


class Recorder(io.RawIOBase):
    """A stream, of which a list keeps what is written."""

    def __init__(self, name: str, said: Said) -> None:
        self._name, self._said = name, said

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self._said.append((self._name, bytes(data)))
        return len(data)


def lines_of(said: Said) -> Iterator[str]:
    """Lines in order; those of stderr are marked, and a last one that does not end."""
    while said:
        stream = said[0][0]
        count = next((index for index, each in enumerate(said) if each[0] != stream), len(said))
        data, said = b"".join(what for _, what in said[:count]), said[count:]
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = "<no text>\n"
        for line in text.splitlines(keepends=True):
            yield "! " * (stream == "err") + (line[:-1] if line.endswith("\n") else f"{line} (no line end)")


def described(path: Path, exact: bool) -> str:
    """What kind of file it is; if it is the same on every machine, with a digest of its bytes, or of a PNG's pixels."""
    mode = path.lstat().st_mode
    private = ", only its owner's" * (not mode & 0o077)
    if stat.S_ISDIR(mode):
        return f"a folder{private}"
    return (_picture(path, exact) or _film(path, exact) or _file(path, exact)) + private


def _file(path: Path, exact: bool) -> str:
    return f"{path.stat().st_size} bytes" + exact * f", sha256 {_digest(path.read_bytes())}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _picture(path: Path, exact: bool) -> str:
    try:
        with Image.open(path) as image:
            parts = [f"{image.format} {image.width}x{image.height} {image.mode}"]
            if tags := image.getexif():
                parts.append("EXIF " + " ".join(ExifTags.TAGS.get(tag, str(tag)) for tag in sorted(tags)))
            parts += [f"with {name}" for name in ("icc_profile", "comment") if name in image.info]
            if exact and image.format in ("PNG", "JPEG"):
                lossless = image.format == "PNG"
                parts.append(
                    f"sha256 {_digest(image.tobytes() if lossless else path.read_bytes())}"
                    + " of its pixels" * lossless
                )
            return ", ".join(parts)
    except OSError:
        return ""


def _film(path: Path, exact: bool) -> str:
    try:
        with av.open(str(path.resolve())) as film:
            if not film.streams.video:
                return ""
            stream = film.streams.video[0]
            frames = list(film.decode(stream))
            parts = [f"{film.format.name.partition(',')[0]} {stream.width}x{stream.height} {stream.codec_context.name}"]
            parts.append(f"{len(frames)} frames, {float(stream.average_rate or 0):g} a second")
            parts += [f"{each.type} {each.codec_context.name}" for each in film.streams if each.type != "video"]
            parts += [f"title {film.metadata['title']}"] if "title" in film.metadata else []
            if exact and stream.pix_fmt in ("bgr0", "gbrp"):
                pixels = b"".join(frame.to_ndarray(format="rgb24").tobytes() for frame in frames)
                parts.append(f"sha256 {_digest(pixels)} of its pixels")
            return ", ".join(parts)
    except (av.FFmpegError, UnicodeDecodeError):
        return ""
