"""The forward pass of a film modem: bits hidden in moving pictures, which are encoded by a real codec, and read again.

Training needs no films: a picture moves under a window, as if a camera turned, and part of another one before it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stegnet.config.config import Config
from stegnet.core.compute import autocast
from stegnet.core.jpeg import BLOCK
from stegnet.core.video import BLACK, CODECS, H264, WHITE, through_codec
from stegnet.data.distortions import Distortions
from stegnet.models.modem import Modem
from stegnet.models.tensors import from_8_bits, through_8_bits
from stegnet.training.modem_pass import ModemPass, ModemResult

WRITTEN_CRF = 18  # of films that are encoded twice
MARGIN = 32  # pixels that a picture is wider than its film, for motion
UNITS = 3  # runs of a modem's frames in a film
_LUMA = 0.2126, 0.7152, 0.0722  # of red, green, blue (ITU-R BT.709)
_PRESETS = "medium", "medium", "fast", "veryfast"
_STILL, _NOISY, _FRONT, _CUT = 0.25, 0.5, 0.4, 0.05  # shares of films
_SLOWEST, _FASTEST, _ZOOM = 0.05, 3.0, 0.004  # pixels a frame, and relative change of the size a frame
_NOISE = 2.0  # levels


@dataclass(frozen=True)
class FilmRandomness:
    """All that is random in the pass of B films of F frames, U + 1 = UNITS + 1 times those of the modem, T.

    Attributes:
        rung: index in `model.rungs`, the same for all films.
        bits: (B, U, bits, H/8, W/8) float, −1 or 1; 0 for those of other rungs.
        dither: (B, U, dither, H/8, W/8) in [0, 1).
        motion: (B, 2, F, 3), of background and foreground: place down and across in pixels, and relative size.
        front: (B, 4), edges of the foreground, relative to the sides: top, bottom, left, right.
        noise: (B,) standard deviation in [0, 1].
        seeds: (B,) of the noise.
        lead: (B,) frames before the first part that carries bits; the rest of T frames comes after the last one.
        crf: (B,) constant rate factor.
        twice: (B,) bool, encoded at WRITTEN_CRF before.
        preset: (B,) index of x264's preset.
        codec: (B,) index of the codec.
    """

    rung: int
    bits: Tensor
    dither: Tensor
    motion: Tensor
    front: Tensor
    noise: Tensor
    seeds: Tensor
    lead: Tensor
    crf: Tensor
    twice: Tensor
    preset: Tensor
    codec: Tensor

    def select(self, films: slice) -> "FilmRandomness":
        """The randomness of some of the films."""
        parts = (
            self.bits, self.dither, self.motion, self.front, self.noise, self.seeds, self.lead, self.crf, self.twice,
            self.preset, self.codec,
        )  # fmt: skip
        return FilmRandomness(self.rung, *(part[films] for part in parts))


def film_randomness(
    config: Config, pair: Modem, rung: int, count: int, random: torch.Generator, device: torch.device
) -> FilmRandomness:
    """The randomness of `count` films in a given rung."""
    used, side = config.model.rungs[rung], (config.train.crop - MARGIN) // BLOCK
    frames, shape = (UNITS + 1) * pair.frames, (count, UNITS)

    def draw(*sizes: int) -> Tensor:
        return torch.rand((count, *sizes), generator=random)

    places = [each.bits * (pair.frames // each.run) for each in config.model.rungs]
    first = sum(places[:rung])
    bits = torch.zeros(*shape, pair.bits, side, side)
    sent = torch.randint(2, (*shape, places[rung], side, side), generator=random)
    bits[:, :, first : first + places[rung]] = sent * 2.0 - 1
    dither = torch.rand((*shape, pair.dither, side, side), generator=random)
    crf = torch.randint(used.lowest, used.highest + 1, (count,), generator=random)
    most = 1 << 31, pair.frames, len(_PRESETS)
    seeds, lead, preset = (torch.randint(each, (count,), generator=random) for each in most)
    weights = torch.tensor([getattr(config.channel.codecs, name) for name in CODECS])
    noise = (draw() < _NOISY) * draw() * (_NOISE / 255)
    return FilmRandomness(
        rung, bits.to(device), dither.to(device), _motion(frames, draw), _front(draw), noise, seeds, lead, crf,
        draw() < config.channel.twice, preset, torch.multinomial(weights, count, True, generator=random),
    )  # fmt: skip


class FilmPass(ModemPass):
    """A film modem and the channel between its networks, as one module; arguments as `ModemPass`."""

    def forward(self, pictures: Tensor, randomness: FilmRandomness) -> ModemResult:
        """Takes pictures, (B, 1, 3, H, W) uint8; the result is that of B · U parts of films, (B · U, T, H', W')."""
        films = moving(from_8_bits(pictures[:, 0]), randomness)  # (B, F, H', W')
        used = randomness.lead[:, None] + torch.arange(UNITS * self.pair.frames)  # (B, U · T) frames that carry bits
        of_film = torch.arange(len(films))[:, None], used
        units = -1, self.pair.frames, *films.shape[2:]
        cover = films[of_film].reshape(units)
        bits, dither = randomness.bits.flatten(0, 1), randomness.dither.flatten(0, 1)
        with autocast(self._precision, pictures.device):
            container = self._hide(cover, torch.cat([bits, dither], dim=1)).float()
        stored = films.index_put(of_film, through_8_bits(container).reshape(*used.shape, *films.shape[2:]))
        received = through_channel(stored, randomness, self._distortions)[of_film].reshape(units)
        with autocast(self._precision, pictures.device):
            likelihoods = self._reveal(received, dither).float()
        return ModemResult(cover, container, bits, likelihoods, self.pair.reveal_plainly(received, dither))


def moving(pictures: Tensor, randomness: FilmRandomness) -> Tensor:
    """Films of lumas, (B, F, H − MARGIN, W − MARGIN) in steps of 8 bits, from pictures, (B, 3, H, W), in [0, 1]."""
    weights = torch.tensor(_LUMA, device=pictures.device)[:, None, None]
    lumas = (pictures * weights).sum(1)
    back, front = (_windows(each, randomness.motion[:, part]) for part, each in enumerate((lumas, lumas.roll(1, 0))))
    films = torch.where(_inside(randomness.front, back), front, back)
    draws = zip(films.shape[0] * [films.shape[1:]], randomness.seeds.tolist(), strict=True)
    noise = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for shape, seed in draws])
    noisy = films + (noise * randomness.noise[:, None, None, None]).to(films.device)
    return (noisy.clamp(0, 1) * 255).round() / 255


def through_channel(stored: Tensor, randomness: FilmRandomness, distortions: Distortions) -> Tensor:
    """Films after a real codec, (B, F, H, W); the gradient is that of doing nothing.

    Args:
        stored: lumas of 8 bits, in [0, 1].
    """
    levels = (stored.detach() * (WHITE - BLACK) + BLACK).round().to(torch.uint8).cpu().numpy()
    parts = randomness.seeds, randomness.crf, randomness.twice, randomness.preset, randomness.codec
    draws = zip(levels, *(part.tolist() for part in parts), strict=True)
    received = np.stack([_encoded(distortions(film[..., None], seed)[..., 0], *draw) for film, seed, *draw in draws])
    exact = (torch.from_numpy(received).to(stored.device).float() - BLACK) / (WHITE - BLACK)
    return stored + (exact.clamp(0, 1) - stored.detach())


def _encoded(film: np.ndarray, crf: int, twice: bool, preset: int, codec: int) -> np.ndarray:
    if twice:
        film = through_codec(film, H264, WRITTEN_CRF, _PRESETS[0])
    return through_codec(film, list(CODECS)[codec], crf, _PRESETS[preset])


def _motion(frames: int, draw: Callable[..., Tensor]) -> Tensor:
    """Motion of background and foreground, (B, 2, F, 3): at first a random place, then at an even speed."""
    speed = _SLOWEST * (_FASTEST / _SLOWEST) ** draw(2, 1, 1) * (draw(2, 1, 1) >= _STILL)
    angle = 2 * torch.pi * draw(2, 1, 1)
    ways = torch.cat([angle.sin(), angle.cos()], -1)
    times = torch.arange(frames)[:, None]
    whole = (draw(2, 1, 1) < 0.3).float()
    steps = speed * ways
    steps = torch.where(whole > 0, steps.round(), steps)
    places = MARGIN * draw(2, 1, 2) + times * steps
    growth = _ZOOM * (2 * draw(2, 1, 1) - 1) * (speed > 0) * (whole == 0)
    size = 1 + growth * times
    # A cut: the first frames show another place.
    cut = (draw(2, 1, 1) < _CUT) & (times < frames * draw(2, 1, 1))
    return torch.cat([places + cut * MARGIN, size.expand(*places.shape[:-1], 1)], -1)


def _front(draw: Callable[..., Tensor]) -> Tensor:
    """Edges of the foregrounds, (B, 4); of no size where there is none."""
    low, size = 0.7 * draw(2), 0.2 + 0.5 * draw(2)
    high = torch.where(draw(1) < _FRONT, low + size, low)
    return torch.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], 1)


def _windows(lumas: Tensor, motion: Tensor) -> Tensor:
    """Windows, (B, F, h, w), that move over pictures, (B, H, W)."""
    count, height, width = lumas.shape
    frames, inner = motion.shape[1], (height - MARGIN, width - MARGIN)
    motion = motion.to(lumas.device)
    grids = []
    for axis, (side, window) in enumerate(zip((height, width), inner, strict=True)):
        middle = (window - 1) / 2
        places = (
            motion[..., axis, None] + middle + (torch.arange(window, device=lumas.device) - middle) * motion[..., 2:]
        )
        grids.append(2 * places / (side - 1) - 1)  # (B, F, window), −1 to 1 from the first to the last pixel
    down, across = grids
    grid = torch.stack(
        [across[:, :, None].expand(-1, -1, inner[0], -1), down[..., None].expand(-1, -1, -1, inner[1])], -1
    )
    flat = lumas[:, None, None].expand(-1, frames, 1, -1, -1).flatten(0, 1)
    seen = functional.grid_sample(flat, grid.flatten(0, 1), padding_mode="reflection", align_corners=True)
    return seen.reshape(count, frames, *inner)


def _inside(front: Tensor, films: Tensor) -> Tensor:
    """(B, 1, h, w) bool, true within the foreground."""
    top, bottom, left, right = front.to(films.device)[:, :, None].unbind(1)
    rows, cols = (torch.arange(side, device=films.device) / side for side in films.shape[2:])
    down, across = (rows >= top) & (rows < bottom), (cols >= left) & (cols < right)
    return (down[:, :, None] & across[:, None])[:, None]
