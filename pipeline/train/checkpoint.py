"""Checkpoints of a training on disk, from which it resumes."""

import hashlib
import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import torch
from filelock import FileLock, Timeout

from stegnet.core.disk import atomic_write
from stegnet.core.errors import TrainingError

LOCK_TIMEOUT = 15.0  # seconds; the loaders of a killed training notice within 5 and then release the lock
_DIGEST = hashlib.sha256().digest_size

_log = logging.getLogger(__name__)


class TrainingState(TypedDict):
    """Everything that decides the rest of a training, as `Trainer` saves and restores it."""

    step: int  # steps done
    curve: list[dict[str, float]]
    best: dict[str, object]  # the best weights
    parts: Mapping[str, object]  # state_dicts of the task, with the weights of the pair, of the optimiser, and others


class Checkpoint:
    """The last states of one training, each in a file that is written completely or not at all.

    A file is the SHA-256 of a state followed by the state, as torch.save writes it; its name begins with the
    fingerprint.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self.fingerprint = fingerprint

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from running the same training."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / f"{self.fingerprint}.lock")
        try:
            lock.acquire(timeout=LOCK_TIMEOUT)
        except Timeout as error:
            raise TrainingError("this training is running already", "wait until it ends, or end it") from error
        try:
            yield
        finally:
            lock.release()

    def save(self, state: TrainingState) -> None:
        """Write `state`, whose "step" numbers the file; this process holds the lock."""
        content = io.BytesIO()
        torch.save(state, content)
        path = self._folder / f"{self.fingerprint}-{state['step']:09}.pt"
        with atomic_write(path) as part, open(part, "wb") as file:
            file.write(hashlib.sha256(content.getbuffer()).digest())
            file.write(content.getbuffer())
        checkpoints_kept = 2  # the newest may be damaged
        for path in self._paths()[checkpoints_kept:]:
            path.unlink()

    def load(self) -> TrainingState | None:
        """Return the newest undamaged state, or None."""
        for path in self._paths():
            content = path.read_bytes()
            if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
                state: TrainingState = torch.load(io.BytesIO(content[_DIGEST:]), map_location="cpu", weights_only=True)
                return state
            _log.warning("%s: is damaged; the training resumes from the checkpoint before it", path)
        return None

    def newest(self) -> Path | None:
        """Return the newest file."""
        return next(iter(self._paths()), None)

    def remove(self) -> None:
        """Delete all files of a training that is finished."""
        for path in self._folder.glob(f"{self.fingerprint}*"):
            path.unlink()

    def _paths(self) -> list[Path]:
        """Return the files, the newest first."""
        return sorted(self._folder.glob(f"{self.fingerprint}-*.pt"), reverse=True)
