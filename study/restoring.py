"""A network that restores what coding took from a picture that survives JPEG: trained for some time, then measured.

python -m study.restoring PHOTOGRAPHS OUT --minutes 60

Every twentieth photograph, in the order of names, is tested and never trained on. What was trained is kept in OUT, and
training goes on from there.
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline.stage import bar, write_table
from stegnet.core.measures import psnr
from stegnet.core.parallel import ordered, thread_count
from stegnet.core.samples import from_8_bits, to_8_bits
from stegnet.media import read_picture, reduced, resize
from stegnet.media.pictures.bare_avif import BareCoder, decode_bare
from stegnet.models.layers import SLOPE, BackboneContext, haar, inverse_haar

SIDE, CROP, BATCH = 640, 112, 8  # pixels: of photographs at most, and of what a step sees of each
RATE, RATES = 0.236, (0.12, 0.5)  # bits per pixel: of what is tested, and trained
SCALES, SPEED = 7, 8  # sides are divided by up to 2^(6/4); libaom's speed
PEAK_LR, WARMUP, DECAY = 1e-3, 300, 0.999
EVERY = 200  # steps
UNIT = 16  # pixels


class Restorer(nn.Module):
    """Adds to a picture, (B, 3, H, W) in [0, 1], what residual blocks and a timm backbone make of its Haar bands."""

    def __init__(self, width: int = 48, blocks: int = 5, backbone: str = "convnext_atto") -> None:
        super().__init__()
        self.first = nn.Conv2d(12, width, 3, padding=1)
        self.context = BackboneContext(12, width, backbone, pretrained=False)
        self.body = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        bands = 4 * haar(pictures - 0.5)
        return pictures + inverse_haar(self.last(self.body(self.first(bands) + self.context(bands))).float())


class Block(nn.Module):
    """x + V ∗ leaky ReLU(U ∗ x); V starts at a tenth of the usual size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        for layer, scale in zip(self.layers, (1, 0.1), strict=True):
            nn.init.normal_(layer.weight, 0, scale * math.sqrt(2 / (9 * width)))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.layers[1](functional.leaky_relu(self.layers[0](features), SLOPE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    paths = sorted(path for path in options.photographs.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    tested = paths[19::20]
    restorer = train([path for path in paths if path not in set(tested)], options.out, options.minutes)
    rows = [{"picture": path.name} | row for path in bar(tested, "test") for row in compare(restorer, path)]
    write_table(options.out / "restoring.csv", pd.DataFrame(rows))
    best = pd.DataFrame(rows).groupby("picture")[["coded", "restored"]].max()
    gain = best["restored"] - best["coded"]
    print(f"{best.mean().to_dict()}, gain {gain.mean():.3f} dB, median {gain.median():.3f}, least {gain.min():.3f}")


def train(paths: list[Path], out: Path, minutes: float) -> nn.Module:
    """A network that was trained for some minutes, after those that it was trained before; the mean of its steps."""
    torch.manual_seed(0)
    pairs = [pair for pair in ordered(pair_of, enumerate(bar(paths, "coding")), thread_count()) if pair]
    network, state = Restorer().to(memory_format=torch.channels_last), out / "restorer.pt"
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
    if state.is_file():
        averaged.load_state_dict(torch.load(state, weights_only=True))
        network.load_state_dict(averaged.module.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_LR, weight_decay=1e-4)
    start, gains = time.monotonic(), []
    for step, (whole, coded) in enumerate(batches(pairs, np.random.default_rng()), 1):
        done = (time.monotonic() - start) / (60 * minutes)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = PEAK_LR * min(1, step / WARMUP) * (1 + math.cos(math.pi * done)) / 2
        with torch.autocast("cpu", torch.bfloat16):
            restored = network(coded)
        before, after = (torch.log((each - whole).square().mean((1, 2, 3)) + 1e-5).mean() for each in (coded, restored))
        optimiser.zero_grad()
        after.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        averaged.update_parameters(network)
        gains.append(10 / math.log(10) * (before - after).item())
        if step % EVERY == 0:
            print(f"step {step}, {100 * done:.0f} %: {np.mean(gains[-EVERY:]):+.3f} dB", flush=True)
            torch.save(averaged.state_dict(), state)
    torch.save(averaged.state_dict(), state)
    return averaged.eval()


def pair_of(numbered: tuple[int, Path]) -> tuple[np.ndarray, np.ndarray] | None:
    """A photograph and what coding leaves of it, at a rate and scale drawn at random; None if it is too small."""
    number, path = numbered
    draw, picture = np.random.default_rng(number), reduced(read_picture(path), SIDE)
    if min(picture.shape[:2]) < CROP:
        return None
    rate = math.exp(draw.uniform(*map(math.log, RATES)))
    usual = round(2.5 * math.log2(0.5 / rate))
    coded = None
    while coded is None:
        coded = coded_at(picture, max(usual + draw.integers(-1, 3), 0), rate, SPEED)
    return picture, coded


def coded_at(picture: np.ndarray, scale: int, rate: float, speed: int) -> np.ndarray | None:
    """A picture after AV1 at a scale and a rate in bits per pixel; None if it does not fit."""
    height, width = picture.shape[:2]
    small = resize(picture, *(max(1, round(side * 2 ** (-scale / 4))) for side in (height, width)))
    coder = BareCoder.quick(speed)
    data = coder.to_fit(small, int(rate * height * width / 8))
    return None if data is None else resize(decode_bare(data, *small.shape[:2], coder.depth), height, width)


def batches(pairs: list[tuple[np.ndarray, np.ndarray]], draw: np.random.Generator) -> Iterator[list[Tensor]]:
    """Crops of photographs and of what coding left of them, (B, 3, CROP, CROP) in [0, 1] each, turned and mirrored."""
    while True:
        crops: tuple[list[np.ndarray], list[np.ndarray]] = [], []
        for number in draw.integers(len(pairs), size=BATCH):
            top, left = (2 * draw.integers((side - CROP) // 2 + 1) for side in pairs[number][0].shape[:2])
            turns, mirrored = draw.integers(4), 1 - 2 * draw.integers(2)
            for some, picture in zip(crops, pairs[number], strict=True):
                some.append(np.rot90(picture[top : top + CROP, left : left + CROP], turns)[:, ::mirrored])
        yield [torch.from_numpy(np.stack(some)).movedim(-1, 1).contiguous(memory_format=torch.channels_last) / 255
               for some in crops]  # fmt: skip


@torch.inference_mode()
def compare(restorer: nn.Module, path: Path) -> Iterator[dict[str, float]]:
    """PSNR of a photograph that was coded at each scale, as it is and restored."""
    picture = reduced(read_picture(path), SIDE)
    height, width = picture.shape[:2]
    for scale in range(SCALES):
        coded = coded_at(picture, scale, RATE, SPEED)
        if coded is not None:
            padded = np.pad(from_8_bits(coded), ((0, -height % UNIT), (0, -width % UNIT), (0, 0)), "edge")
            restored = restorer(torch.from_numpy(padded).movedim(-1, 0)[None])[0].movedim(0, -1)[:height, :width]
            yield {
                "scale": scale,
                "coded": psnr(picture, coded),
                "restored": psnr(picture, to_8_bits(restored.numpy())),
            }


if __name__ == "__main__":
    main()
