"""Where a training stands, on disk, so that it can go on after it was stopped."""

import hashlib
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from stegnet.core.errors import TrainingError

KEPT = 2  # the one before stays: the newest may be damaged
PATIENCE = 15.0  # seconds; the loaders of a training that was killed notice it within 5
_DIGEST = hashlib.sha256().digest_size

_log = logging.getLogger(__name__)


class Checkpoint:
    """The last states of one exact training, each in a file that is written whole or not at all.

    A file is the SHA-256 of a state and the state, as torch.save writes it.

    Args:
        folder: where they live; made when first needed.
        fingerprint: names the training; another one never resumes from these files.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder, self.fingerprint = folder, fingerprint

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else goes on from here or saves meanwhile.

        Raises:
            TrainingError: somebody else is at it.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / f"{self.fingerprint}.lock")
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout as error:
            raise TrainingError("this training is running already", "wait until it ends, or end it") from error
        try:
            yield
        finally:
            lock.release()

    def save(self, state: dict[str, Any]) -> None:
        """Writes `state`, which says at what "step" it is, beside its place and moves it there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        torch.save(state, content)
        unfinished = self._folder / f"{self.fingerprint}.tmp"
        _write(unfinished, content.getbuffer())
        os.replace(unfinished, self._folder / f"{self.fingerprint}-{state['step']:09}.pt")
        _sync(self._folder)
        for path in self._paths()[KEPT:]:
            path.unlink()

    def load(self) -> dict[str, Any] | None:
        """What was saved last and is whole, or None."""
        for path in self._paths():
            content = path.read_bytes()
            if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
                return torch.load(io.BytesIO(content[_DIGEST:]), map_location="cpu", weights_only=True)
            _log.warning("%s: is damaged; the training goes on from what was saved before", path)
        return None

    def newest(self) -> Path | None:
        """The file that was written last."""
        return next(iter(self._paths()), None)

    def remove(self) -> None:
        """Forgets all: the training is finished."""
        for path in self._folder.glob(f"{self.fingerprint}*"):
            path.unlink()

    def _paths(self) -> list[Path]:
        """Newest first."""
        return sorted(self._folder.glob(f"{self.fingerprint}-*.pt"), reverse=True)


def _write(path: Path, content: memoryview) -> None:
    with open(path, "wb") as file:
        file.write(hashlib.sha256(content).digest())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """A file's new name is safe when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
