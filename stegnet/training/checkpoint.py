"""Where a training stands, on disk, so that it can go on after it was stopped."""

import os
from pathlib import Path
from typing import Any

import torch


class Checkpoint:
    """One file, written whole or not at all, that belongs to one exact training.

    Args:
        folder: where it lives; made when first needed.
        fingerprint: names the training; another one never resumes from this file.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._path = folder / f"{fingerprint}.pt"

    def save(self, state: dict[str, Any]) -> None:
        """Writes `state` beside its place and moves it there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".tmp")
        torch.save(state, unfinished)
        os.replace(unfinished, self._path)

    def load(self) -> dict[str, Any] | None:
        """What was saved last, or None."""
        return torch.load(self._path, map_location="cpu", weights_only=True) if self._path.exists() else None

    def remove(self) -> None:
        """Forgets it: the training is finished."""
        self._path.unlink(missing_ok=True)
