"""Checkpoints of one exact training on disk, from which it resumes, and the fingerprint that names it."""

import hashlib
import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from pipeline.config import Config
from pipeline.fingerprint import code_hashes, source_hash
from pipeline.shards import data_hash
from stegnet.core.compute import cpu_threads, pick_device, resolve
from stegnet.core.disk import sync_file, sync_folder
from stegnet.core.errors import TrainingError
from stegnet.core.parallel import AUTO, world_size
from stegnet.core.pixels import CODED, MEANS, NONE
from stegnet.networks.card import SHIPPED, weights_id
from stegnet.networks.pair import find_family

CODE = (  # what a training computes with
    "pipeline/config.py", "pipeline/fingerprint.py", "pipeline/shards.py",
    "pipeline/tensors.py", "pipeline/train", "stegnet/core", "stegnet/networks/card.py", "stegnet/networks/families",
    "stegnet/networks/layers.py", "stegnet/networks/pair.py",
)  # fmt: skip
IRRELEVANT = {"launcher", "workers", "checkpoint"}  # keys of `train` that change how long it takes, and nothing else
# By kind of base, per sample of a container; of a coded one, a third of its bits per pixel and a quarter more, for no
# code is ideal.
SEALED_BITS = {NONE: 0.0, MEANS: 0.05, CODED: 1.35}
KEPT = 2  # checkpoints: the newest may be damaged
LOCK_TIMEOUT = 15.0  # seconds; the loaders of a killed training notice within 5 and then release the lock
_DIGEST = hashlib.sha256().digest_size

_log = logging.getLogger(__name__)


class Checkpoint:
    """The last states of one training, each in a file that is written whole or not at all.

    A file is the SHA-256 of a state followed by the state, as torch.save writes it; its name begins with the
    fingerprint.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder, self.fingerprint = folder, fingerprint

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes from running the same training."""
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

    def save(self, state: dict[str, Any]) -> None:
        """Writes `state`, whose "step" numbers the file."""
        content = io.BytesIO()
        torch.save(state, content)
        path, part = (self._folder / f"{self.fingerprint}{end}" for end in (f"-{state['step']:09}.pt", ".tmp"))
        with whole_file(path, part), open(part, "wb") as file:
            file.write(hashlib.sha256(content.getbuffer()).digest())
            file.write(content.getbuffer())
            sync_file(file)
        sync_folder(self._folder)
        for path in self._paths()[KEPT:]:
            path.unlink()

    def load(self) -> dict[str, Any] | None:
        """The newest undamaged state, or None."""
        for path in self._paths():
            content = path.read_bytes()
            if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
                return torch.load(io.BytesIO(content[_DIGEST:]), map_location="cpu", weights_only=True)
            _log.warning("%s: is damaged; the training resumes from the checkpoint before it", path)
        return None

    def newest(self) -> Path | None:
        """The newest file."""
        return next(iter(self._paths()), None)

    def remove(self) -> None:
        """Deletes all files; for a training that is finished."""
        for path in self._folder.glob(f"{self.fingerprint}*"):
            path.unlink()

    def _paths(self) -> list[Path]:
        """Newest first."""
        return sorted(self._folder.glob(f"{self.fingerprint}-*.pt"), reverse=True)


def checkpoint_of(config: Config, data: Path, folder: Path) -> Checkpoint:
    """The checkpoint in `folder` of the training that `config` describes, on the shards in `data`."""
    device = pick_device()
    return Checkpoint(folder, fingerprint(config, data, device, resolve(config.train.precision, device)))


def fingerprint(config: Config, data: Path, device: torch.device, precision: str) -> str:
    """Identifies one exact training by its settings, pictures, device, precision, PyTorch version and code.

    Changed code does not resume old checkpoints.
    """
    code = [source_hash(CODE), code_hashes(config)]
    parts = [settings_of(config), data_hash(data), device.type, precision, torch.__version__, code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def with_defaults(config: Config) -> Config:
    """The parameters with the family's base and learning rate, and the base's sealed bits, in place of "auto"."""
    name, train = config.model.name, config.train
    base = find_family(name).base if config.scramble.base == AUTO else config.scramble.base
    bits = SEALED_BITS[base] if train.bits == AUTO else train.bits
    rate = find_family(name).learning_rate if train.lr == AUTO else train.lr
    return replace(config, scramble=replace(config.scramble, base=base), train=replace(train, bits=bits, lr=rate))


def settings_of(config: Config) -> dict[str, Any]:
    """The parameters that decide the weights, with "auto" and "shipped" resolved."""
    config = with_defaults(config)
    train = {key: value for key, value in asdict(config.train).items() if key not in IRRELEVANT}
    train |= {"devices": world_size(), "threads": cpu_threads(config.train.threads)}
    if config.train.start == "shipped":
        train["start"] = weights_id(SHIPPED)
    sections = {name: asdict(getattr(config, name)) for name in ("model", "scramble")} | {"train": train}
    if config.channel:
        sections["channel"] = asdict(config.channel)
    return {"seed": config.seed, "beta": config.beta, **sections}


@contextmanager
def whole_file(path: Path, part: Path | None = None) -> Iterator[Path]:
    """Yields the path to write a file to, by default with the suffix .part; it gets its name when it is whole."""
    part = part or path.with_suffix(".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
