"""Runs a command line as a shell does, but `stegnet` and `convert` in this process, with what is drawn seeded."""

import io
import os
import random
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stegnet.cli import main
from tests.support.waiting import LIMIT
from tests.transcripts import convert

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Said = list[tuple[str, bytes]]  # by `out` or `err`, and what


def by_shell(line: str, data: bytes = b"") -> tuple[int, Said]:
    """Runs it by the shell; returns the exit code, and what it said. SVT-AV1 logs errors only."""
    surroundings = {**os.environ, "SVT_LOG": "1"}
    command = ["sh", "-c", line]
    done = subprocess.run(command, capture_output=True, input=data, timeout=LIMIT, check=False, env=surroundings)
    return done.returncode, [("out", done.stdout), ("err", done.stderr)]


def in_process(line: str) -> tuple[int, Said]:
    """Runs what a `|` separates one after the other."""
    data, code = b"", 0
    said: Said = []
    told: Said = []
    *_, last = parts = line.split(" | ")
    for part in parts:
        words, files = shlex.split(part), {}
        while len(words) > 2 and re.fullmatch(r"\d*[<>]", words[-2]):
            files[words[-2]], words = words[-1], words[:-2]
        if words[0] == "stegnet":
            code, said = _stegnet(words[1:], Path(files["<"]).read_bytes() if "<" in files else data, part, files)
        elif words[0] == "convert":
            convert.main(*words[1:])
        else:
            code, said = by_shell(part, data)
        data = b"".join(what for stream, what in said if stream == "out")
        if words[0] == "stegnet" and ">" in files:
            Path(files[">"]).write_bytes(data)
        told += [each for each in said if each[0] == "err" or (part is last and ">" not in files)]
    return code, told


def _stegnet(words: list[str], stdin: bytes, seed: str, files: dict[str, str]) -> tuple[int, Said]:
    """Calls the command line; of its output, the order is kept."""
    said: Said = []
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("stegnet.core.keystream.urandom", random.Random(seed).randbytes)
        patch.setattr("random._urandom", random.Random(seed).randbytes)  # of the module secrets
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        for name, redirected in (("out", redirect_stdout), ("err", redirect_stderr)):
            stream = io.TextIOWrapper(_Recorder(name, said), "utf-8", write_through=True)
            stack.enter_context(redirected(stream))
        for number, path in files.items():
            if number[:-1]:
                stack.enter_context(_opened_as(int(number[:-1]), path))
        try:
            return main(words), said
        except SystemExit as stop:
            return int(stop.code or 0), said


@contextmanager
def _opened_as(number: int, path: str) -> Iterator[None]:
    """Opens a file under a number."""
    with open(path, "rb") as file:
        os.dup2(file.fileno(), number)
    yield
    os.close(number)


class _Recorder(io.BufferedIOBase):
    """A stream, of which a list keeps what is written."""

    def __init__(self, name: str, said: Said) -> None:
        self.name, self._said = name, said

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int:
        written = bytes(data)
        self._said.append((self.name, written))
        return len(written)


def lines_of(said: Said) -> Iterator[str]:
    """Lines in order; those of stderr are marked, and a last one that does not end."""
    for stream, parts in groupby(said, itemgetter(0)):
        try:
            text = b"".join(what for _, what in parts).decode()
        except UnicodeDecodeError:
            text = "<no text>\n"
        for line in text.splitlines(keepends=True):
            shown = line.removesuffix("\n") if line.endswith("\n") else f"{line} (no line end)"
            yield shown if stream == "out" else f"! {shown}"
