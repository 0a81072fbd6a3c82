"""Checkpoints of a training on disk, from which it resumes."""

import hashlib
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import torch

from stegnet.core.disk import atomic_write

_DIGEST = hashlib.sha256().digest_size


class TrainingState(TypedDict):
    """Everything that decides the rest of a training, as `Trainer` saves and restores it."""

    step: int  # steps done
    curve: list[dict[str, float]]
    best: dict[str, object]  # the best weights
    parts: Mapping[str, object]  # state_dicts of the task, with the weights of the pair, of the optimiser, and others


class Checkpoint:
    """The last state of a training, in a file of its fingerprint's name: its SHA-256, then what torch.save writes."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / f"{fingerprint}.pt"

    def save(self, state: TrainingState) -> None:
        """Write the state in place of the one before."""
        content = io.BytesIO()
        torch.save(state, content)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path) as part:
            part.write_bytes(hashlib.sha256(content.getbuffer()).digest() + content.getbuffer())

    def load(self) -> TrainingState | None:
        """Return the state; None if there is no file, or a damaged one."""
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            logging.warning("%s: is damaged; the training starts again", self.path)
            return None
        state: TrainingState = torch.load(io.BytesIO(content[_DIGEST:]), map_location="cpu", weights_only=True)
        return state

    def remove(self) -> None:
        """Delete the file of a training that is finished."""
        self.path.unlink(missing_ok=True)
