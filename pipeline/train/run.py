"""One exact training: its parameters with nothing left to "auto", its pictures, and where it is computed."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from pipeline.config import Base, Config
from pipeline.fingerprint import code_hashes, source_hash
from pipeline.shards import data_hash
from stegnet.core.compute import cpu_threads, has_bf16, has_fp16, pick_device, resolve
from stegnet.core.errors import ConfigError
from stegnet.core.parallel import world_size
from stegnet.networks.card import MULTISCALE, shipped_weights, weights_id
from stegnet.networks.pair import find_family

CODE = (  # the code that a training computes with
    "pipeline/config.py", "pipeline/fingerprint.py", "pipeline/shards.py",
    "pipeline/tensors.py", "pipeline/train", "stegnet/core", "stegnet/networks/card.py", "stegnet/networks/families",
    "stegnet/networks/layers.py", "stegnet/networks/pair.py",
)  # fmt: skip
# By kind of base, per sample of a container; for a coded base, a third of its bits per pixel and a quarter more, since
# no code is ideal.
SEALED_BITS: dict[Base, float] = {"none": 0.0, "means": 0.05, "coded": 1.35}


@dataclass(frozen=True)
class TrainingRun:
    """A training in this process, resolved once by `prepare_run`.

    Attributes:
        config: the parameters, `with_defaults`.
        data: folder of the shards.
        device: device of this process.
        precision: "bf16", "fp16" or "fp32".
        fingerprint: names the training; a changed parameter, picture or line of code gives another.
    """

    config: Config
    data: Path
    device: torch.device
    precision: str
    fingerprint: str

    @property
    def settings(self) -> dict[str, object]:
        """Everything that decides the weights, for their card."""
        origin = {"data": data_hash(self.data), "source": self.config.data.source, "device": self.device.type}
        origin |= {"precision": self.precision}
        # So that other stages also run again if the network's code changes.
        return {**settings_of(self.config), **origin, "code": code_hashes(self.config)["network"]}


def prepare_run(config: Config, data: Path) -> TrainingRun:
    """Resolve a training on the shards in `data`, for this process.

    Raises:
        ConfigError: there is no such family, device or precision.
    """
    config = with_defaults(config)
    device = pick_device()
    precision = training_precision(config.train.precision, device)
    if config.model.name == MULTISCALE and precision != "fp32":
        hint = "leave train.precision as it is"
        raise ConfigError(f"params.yaml: train.precision: {MULTISCALE} needs fp32, whose sums are exact", hint)
    return TrainingRun(config, data, device, precision, fingerprint(config, data, device, precision))


def training_precision(precision: str, device: torch.device) -> str:
    """Return a precision to train in: for "auto" bf16 where it is fast, else fp16 where that is, else fp32.

    Raises:
        ConfigError: the GPU doesn't support it.
    """
    if precision == "fp16" or (precision == "auto" and has_fp16(device) and not has_bf16(device)):
        return "fp16"
    return resolve(precision, device)


def fingerprint(config: Config, data: Path, device: torch.device, precision: str) -> str:
    """Identify one exact training by its settings, pictures, device, precision, PyTorch version and code.

    Changed code does not resume old checkpoints.
    """
    code = [source_hash(CODE), code_hashes(config)]
    parts = [settings_of(with_defaults(config)), data_hash(data), device.type, precision, torch.__version__, code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def with_defaults(config: Config) -> Config:
    """Return the parameters with the family's base and learning rate, and the base's sealed bits, for "auto"."""
    train = config.train
    match config.scramble.base:
        case "auto":
            base = next(known for known in SEALED_BITS if known == find_family(config.model.name).base)
        case chosen:
            base = chosen
    bits = SEALED_BITS[base] if isinstance(train.bits, str) else train.bits
    rate = find_family(config.model.name).learning_rate if isinstance(train.lr, str) else train.lr
    return replace(config, scramble=replace(config.scramble, base=base), train=replace(train, bits=bits, lr=rate))


def settings_of(config: Config) -> dict[str, object]:
    """Return the parameters that decide the weights, of a config `with_defaults`, with "shipped" resolved, too."""
    cost_only_time = {"launcher", "workers", "checkpoint"}
    train = {key: value for key, value in asdict(config.train).items() if key not in cost_only_time}
    train |= {"devices": world_size(), "threads": cpu_threads(config.train.threads)}
    if config.train.start == "shipped":
        train["start"] = weights_id(shipped_weights(config.model.name))
    sections = {name: asdict(getattr(config, name)) for name in ("model", "scramble")} | {"train": train}
    if config.channel:
        sections["channel"] = asdict(config.channel)
    return {"seed": config.seed, "beta": config.beta, **sections}
