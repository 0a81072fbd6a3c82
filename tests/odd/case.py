"""A case: an unusual input, a command, and its expected output.

Every case starts in a folder of its own with a kit of ordinary files (see `make_kit`).
"""

import fcntl
import io
import os
import re
import resource
import shlex
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch
from PIL import Image

from stegnet.cli import main
from stegnet.models import Card, build, save_pair
from tests.odd.make import film, nothing
from tests.support.films import picture

KEY = bytes(range(32))
WROTE_PICTURE, WROTE_FILM = "wrote c.png: 97x61, ", "wrote c.mkv: 96x64, "
TOO_SMALL = "error: the cover is too small"
NOTHING_OPENS = "error: nothing can be revealed: nothing here opens with this key"
NEITHER = "neither a picture nor a film that can be read"
_KEYS = ("--key-file", "--passphrase")
# The kit's network is not trained, so the quality of secrets is not checked.
_ANY_QUALITY = patch.multiple("stegnet.methods.network.quality", LEAST=0.0, POOR=0.0)
_HIDDEN_WARNINGS = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


@dataclass(frozen=True)
class Case:
    """An input and its expected output.

    Attributes:
        name: one line that describes the input.
        make: makes the unusual files in the current folder.
        line: the command as typed; the kit's key and weights are added if it names none.
        says: part of what is printed.
        code: exit code; None: 1 if it says an error, and else 0.
        back: size of the revealed secret, (width, height) and for a film frames; None: that of the kit's secret.
        plain: nothing is added to the command.
        most: largest possible file in bytes, to simulate a full disk; None: no limit.
        check: further checks of the output, and of `back.*`, which is revealed from each container.
    """

    name: str
    make: Callable[[], object]
    line: str
    says: str = "wrote "
    code: int | None = None
    back: tuple[int, ...] | None = None
    plain: bool = False
    most: int | None = None
    check: Callable[[], object] = nothing

    def __post_init__(self) -> None:
        if self.code is None:
            object.__setattr__(self, "code", int(self.says.startswith("error: ")))

    @property
    def arguments(self) -> list[str]:
        """The command with key and weights, and the method "network" if it names none."""
        command, *rest = shlex.split(self.line)
        added = []
        if not self.plain and command in ("hide", "reveal"):
            added += [] if any(word.startswith(_KEYS) for word in rest) else ["--key-file", "k"]
            added += ["--method", "network"] if command == "hide" and "--method" not in rest else []
            added += [] if {"--weights", "sealed", "auto"} & set(rest) else ["--weights", "w"]
        return [command, *added, *rest]


@dataclass(frozen=True)
class Output:
    """Output of a command, and its exit code."""

    code: int
    out: str
    err: str

    def line(self, part: str) -> str:
        """The first line that contains `part`, without figures that differ from run to run."""
        lines = (self.err + self.out).splitlines()
        line = next((line for line in lines if part.splitlines()[0] in line), lines[0] if lines else "")
        line = re.sub(r"(?<=wrote )(.*?)\d+ (?=bytes)", r"\1… ", re.sub(r"[0-9a-f]{16,}", "…", line))
        return re.sub(r"\d+\.\d+ (MB|dB)", r"… \1", re.sub(r", [\d.]+ times the cover", "", line))


def make_kit() -> None:
    """Makes a key, weights, two pictures, two films, and all kinds of containers in the current folder."""
    Path("k").write_bytes(KEY)
    Path("k").chmod(0o600)
    torch.manual_seed(0)
    card = Card("invertible", {"blocks": 1, "width": 8}, {"base": "means", "quality": 85, "block": 8, "period": 0.0})
    save_pair(Path("w"), build("invertible", blocks=1, width=8), card)
    Image.fromarray(picture(61, 97, 1)).save("cover.png")
    Image.fromarray(picture(50, 40, 2)).save("secret.png")
    Path("notes.txt").write_text("what was said\n" * 20, encoding="utf-8")
    film("cover.mkv", sound="aac")
    film("secret.mkv", frames=4, size="48x32")
    for line in (
        "hide cover.png secret.png -o hidden.png",
        "hide cover.mkv secret.mkv -o hidden.mkv",
        "hide cover.mkv secret.mkv -o hidden.mp4",
        "hide --method sealed cover.png notes.txt -o sealed.png",
        "hide --method sealed cover.mkv notes.txt -o sealed.mkv",
    ):
        prepare(line)


def prepare(line: str) -> None:
    """Runs a command that must succeed, to make a file."""
    said = run(Case("", nothing, line))
    assert said.code == 0, said.err


# Of Ray, if other tests have used it in this process: it meets the limit of file sizes, too.
_RAYS_LOG = re.compile(r"^\[\*\*\* LOG ERROR [^\n]*ray_log_sink[^\n]*\n", re.MULTILINE)


def run(case: Case) -> Output:
    """Runs a case's command in the current folder, as a shell would."""
    with _captured() as read, _file_size_limit(case.most), _ANY_QUALITY, warnings.catch_warnings(record=True) as warned:
        warnings.resetwarnings()
        for hidden in _HIDDEN_WARNINGS:
            warnings.simplefilter("ignore", hidden)
        try:
            code = main(case.arguments)
        except SystemExit as stop:
            code = stop.code
        except Exception:
            code = 1
            traceback.print_exc()
        for warning in warned:
            print(warnings.formatwarning(warning.message, warning.category, warning.filename, 0), file=sys.stderr)
    return Output(code, *(_RAYS_LOG.sub("", text) for text in read))


@contextmanager
def _captured() -> Iterator[list[str]]:
    """Yields a list that contains stdout and stderr after the block, including the output of C libraries."""
    read: list[str] = []
    before, pipes, kept = (sys.stdout, sys.stderr), (_pipe(), _pipe()), (os.dup(1), os.dup(2))
    for number, (_, writing) in enumerate(pipes, 1):
        os.dup2(writing, number)
        os.close(writing)
    sys.stdout, sys.stderr = (_stream(number) for number in (1, 2))
    try:
        yield read
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.close()
        sys.stdout, sys.stderr = before
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        for reading, _ in pipes:
            with open(reading, encoding="utf-8") as file:
                read.append(file.read())


def _stream(number: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding="utf-8")


def _pipe() -> tuple[int, int]:
    """A pipe with room for all output of a command; not limited by a full disk."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 1 << 20)
    return ends


@contextmanager
def _file_size_limit(most: int | None) -> Iterator[None]:
    """Limits the size of files in bytes; Python ignores the signal, so that writing fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft if most is None else most, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
