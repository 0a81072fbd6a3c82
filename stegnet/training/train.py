"""The training of a hide/reveal pair."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import stegnet
from stegnet.channel import from_8_bits, through_8_bits, with_sealed_bits
from stegnet.config import Config
from stegnet.data.pairs import Pairs, load_batches
from stegnet.data.shards import data_hash
from stegnet.detail import block_means, centred, split
from stegnet.errors import ConfigError, TrainingError
from stegnet.metrics import psnr_from_mse
from stegnet.models import SHIPPED, Card, Pair, build_from, load_pair, options_of, save_pair, weights_id
from stegnet.models.precision import autocast, pick_device, resolve
from stegnet.scramble import apply, random_shuffle
from stegnet.training.checkpoint import Checkpoint
from stegnet.training.precision import make_deterministic
from stegnet.training.schedule import container_weight, learning_rate

REPORTS = 200  # points of a training curve

Report = Callable[[dict[str, float]], None]
Progress = Callable[[range], Iterable[int]]


@dataclass(frozen=True)
class Losses:
    """The two terms of one batch, mean squared errors of values in [0, 1]."""

    container: Tensor
    secret: Tensor


def train(config: Config, data: Path, checkpoints: Path, report: Report, progress: Progress) -> tuple[Pair, Card]:
    """Trains the pair that `config` describes on the shards in `data`.

    Where an earlier call with the same arguments was stopped, it goes on from its last checkpoint and ends
    with the same weights.

    Args:
        checkpoints: folder for the training's state; remove what `checkpoint_of` names there once its result is safe.
        report: called with each point of the training curve, those from before the stop too.
        progress: wraps the range of steps still to do, to show how far it is.
    Returns:
        The pair with averaged weights, on the CPU, and its card.
    Raises:
        TrainingError: the loss is no longer a number.
        DataError: there are no training pictures.
    """
    device = pick_device()
    precision = resolve(config.train.precision, device)
    make_deterministic(config.seed, config.train.threads)
    trainer = Trainer(config, device, precision)
    checkpoint = checkpoint_of(config, data, checkpoints)
    first = trainer.restore(checkpoint.load())
    for point in trainer.curve:
        report(point)
    pairs = Pairs(data, config.train.crop, config.train.augment, config.seed)
    batches = load_batches(pairs, config.train.batch, first, trainer.steps, config.train.workers)
    for step, batch in zip(progress(range(first, trainer.steps)), batches, strict=True):
        if point := trainer.step(step, batch):
            report(point)
        if (step + 1) % config.train.checkpoint == 0 or step + 1 == trainer.steps:
            checkpoint.save(trainer.state(step + 1))
    return trainer.averaged(), make_card(config, data, device, precision, _last_figures(trainer.curve))


class Trainer:
    """Weights, optimiser and moving average of one training."""

    def __init__(self, config: Config, device: torch.device, precision: str) -> None:
        self.steps = max(1, config.train.pairs // config.train.batch)
        self.curve: list[dict[str, float]] = []
        self._config, self._device, self._precision = config, device, precision
        self._every = max(1, self.steps // REPORTS)
        self._pair = first_pair(config).to(device, memory_format=torch.channels_last).train()
        self._average = AveragedModel(self._pair, multi_avg_fn=get_ema_multi_avg_fn(config.train.ema), use_buffers=True)
        self._optimizer = torch.optim.AdamW(
            self._pair.parameters(),
            config.train.lr,
            betas=(0.9, 0.98),
            weight_decay=config.train.weight_decay,
            fused=True,
        )

    def step(self, step: int, batch: Tensor) -> dict[str, float] | None:
        """One step of the optimiser; now and then, a point of the training curve."""
        train = self._config.train
        rate = learning_rate(step, self.steps, train.lr, train.lr_end, train.warmup)
        weight = container_weight(step, self.steps, train.container_start, train.container_ramp)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        losses = self._losses(*self._inputs(step, batch))
        loss = weight * losses.container + self._config.beta * losses.secret
        self._optimizer.zero_grad()
        loss.backward()
        norm = clip_grad_norm_(self._pair.parameters(), train.clip)
        if not torch.isfinite(norm):
            raise TrainingError(f"training diverged at step {step}: the gradient is {norm}", "try a lower train.lr")
        self._optimizer.step()
        self._average.update_parameters(self._pair)
        if (step + 1) % self._every and step != self.steps - 1:
            return None
        self.curve.append(_point(step, loss, losses, weight, rate, norm))
        return self.curve[-1]

    def averaged(self) -> Pair:
        """The pair with the moving average of its weights."""
        return self._average.module.cpu().eval()

    def state(self, step: int) -> dict[str, Any]:
        """All that decides what follows; everything random is a function of seed and step."""
        parts = {"pair": self._pair, "average": self._average, "optimizer": self._optimizer}
        return {"step": step, "curve": self.curve, **{name: part.state_dict() for name, part in parts.items()}}

    def restore(self, state: dict[str, Any] | None) -> int:
        """Takes up `state` and returns the step that comes next."""
        if state is None:
            return 0
        self._pair.load_state_dict(state["pair"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.curve = state["curve"]
        return state["step"]

    def _inputs(self, step: int, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Covers and hidden parts of secrets, each (B, 3, crop, crop), made as hiding makes them."""
        pictures = from_8_bits(batch.to(self._device, non_blocking=True))
        cover, secret = pictures.unbind(1)
        hidden = split(secret, block_means(secret) if self._config.scramble.detail else None)
        random = torch.Generator(self._device).manual_seed(self._config.seed * 1_000_003 + step)
        blocks = self._config.train.crop // self._config.scramble.block
        chosen = torch.rand(len(secret), generator=random, device=self._device) < self._config.train.scrambled
        if chosen.any():
            shuffles = [random_shuffle(random, blocks, blocks) for _ in range(int(chosen.sum()))]
            hidden[chosen] = apply(hidden[chosen], shuffles)
        sealed = torch.rand(cover.shape, generator=random, device=self._device) < self._config.train.bits
        return _channels_last(cover), _channels_last(hidden), _channels_last(sealed)

    def _losses(self, cover: Tensor, hidden: Tensor, sealed: Tensor) -> Losses:
        with autocast(self._precision, self._device):
            container = self._pair.hide(cover, hidden).float()
        stored = with_sealed_bits(through_8_bits(container), container, sealed)
        with autocast(self._precision, self._device):
            revealed = self._pair.reveal(stored).float()
        revealed = centred(revealed) if self._config.scramble.detail else revealed
        return Losses((container - cover).square().mean(), (revealed - hidden).square().mean())


def first_pair(config: Config) -> Pair:
    """What the training begins with: a fresh pair, or the one that comes with stegnet.

    Raises:
        ConfigError: the shipped pair is not of the model that is asked for.
    """
    if config.train.start == "fresh":
        return build_from(config.model)
    pair, card = load_pair()
    shipped, wanted = (card.model, card.options), (config.model.name, options_of(config.model))
    if shipped != wanted:
        raise ConfigError(f"params.yaml: train.start: the shipped pair is {shipped}, model.* asks for {wanted}")
    return pair


def checkpoint_of(config: Config, data: Path, checkpoints: Path) -> Checkpoint:
    """Where the training that `config` describes keeps its state."""
    device = pick_device()
    return Checkpoint(checkpoints, fingerprint(config, data, device, resolve(config.train.precision, device)))


def fingerprint(config: Config, data: Path, device: torch.device, precision: str) -> str:
    """Names one exact training: what it trains, on which pictures, how it computes, and by which code."""
    parts = [_settings(config), data_hash(data), device.type, precision, torch.__version__, _code_hash()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def make_card(config: Config, data: Path, device: torch.device, precision: str, figures: dict[str, float]) -> Card:
    """What the weights file says of this training."""
    origin = {"data": data_hash(data), "source": config.data.source, "device": device.type, "precision": precision}
    settings = {**_settings(config), **origin}
    return Card(config.model.name, options_of(config.model), asdict(config.scramble), settings, figures)


def write_weights(path: Path, pair: Pair, card: Card) -> None:
    """The weights file, and its card as JSON beside it for people and tools that read no safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_pair(path, pair, card)
    path.with_suffix(".json").write_text(json.dumps(asdict(card), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _code_hash() -> str:
    """Hash of this package's source: changed code must not go on from what the old one left."""
    code = hashlib.sha256()
    for path in sorted(Path(stegnet.__file__).parent.rglob("*.py")):
        code.update(path.read_bytes())
    return code.hexdigest()


def _settings(config: Config) -> dict[str, Any]:
    irrelevant = {"workers", "checkpoint"}  # they change the time that it takes, and nothing else
    train = {key: value for key, value in asdict(config.train).items() if key not in irrelevant}
    if config.train.start == "shipped":
        train["start"] = weights_id(SHIPPED)
    sections = {"model": asdict(config.model), "scramble": asdict(config.scramble), "train": train}
    return {"seed": config.seed, "beta": config.beta, **sections}


def _point(step: int, loss: Tensor, losses: Losses, weight: float, rate: float, norm: Tensor) -> dict[str, float]:
    return {
        "step": step,
        "loss": loss.item(),
        "container_psnr": psnr_from_mse(losses.container.item()),
        "secret_psnr": psnr_from_mse(losses.secret.item()),
        "container_weight": weight,
        "learning_rate": rate,
        "gradient_norm": norm.item(),
    }


def _last_figures(curve: list[dict[str, float]]) -> dict[str, float]:
    """Means over the last tenth of the training curve."""
    last = curve[-max(1, len(curve) // 10) :]
    return {
        f"training_{name}": round(mean(point[name] for point in last), 4) for name in ("container_psnr", "secret_psnr")
    }


def _channels_last(pictures: Tensor) -> Tensor:
    return pictures.contiguous(memory_format=torch.channels_last)
