"""The ruler of the zoo: what each network hides in the same pictures, in three states of its containers.

*Exact* containers are the network's output as it is, as most papers measure it; *stored* ones are clamped and rounded
to 8 bits, as a PNG holds them; *JPEG* ones are saved by Pillow at quality 90, 4:2:0, and opened again. Each way of
hiding has a class: a pair that hides whole pictures, one that hides bits, one with our base and key, and a network that
predicts.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.evaluate.quality import hide_and_reveal, milliseconds
from stegnet.core.compute import pick_device
from stegnet.core.measures import CONTAINER_PSNR, HIDE_MS, REVEAL_MS, SECRET_PSNR, psnr, psnr_from_mse
from stegnet.core.pixels import GREY, NONE, from_8_bits, through_jpeg, to_8_bits
from stegnet.networks import Network
from stegnet.networks.card import read_card
from stegnet.networks.pair import Pair, load_pair

Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB
Figures = dict[str, float]

EXACT, STORED, JPEG = "exact", "stored", "jpeg"  # states of a container
JPEG_QUALITY = 90


class Ruler(ABC):
    """A trained network, and how it hides a picture in another of the same size."""

    @abstractmethod
    def measure(self, cover: Pixels, secret: Pixels, seed: int) -> Figures:
        """Return container_psnr_… and secret_psnr_… in dB, by state; `seed` is the seed of all randomness."""

    @abstractmethod
    def stored(self, cover: Pixels, secret: Pixels, seed: int) -> Pixels:
        """Return the container as a PNG holds it."""

    def means(self, pairs: Iterable[tuple[Pixels, Pixels]]) -> Figures:
        """Return the means of `measure` over pairs of cover and secret."""
        rows = [self.measure(cover, secret, seed) for seed, (cover, secret) in enumerate(pairs)]
        return {name: round(mean(row[name] for row in rows), 2) for name in rows[0]}

    def speed(self) -> Figures:
        """Return the milliseconds that hiding and revealing a megapixel take; empty if they are not comparable."""
        return {}


class PairRuler(Ruler):
    """A pair on PyTorch, without key or shuffle; what it hides besides the cover is up to the subclass."""

    def __init__(self, pair: Pair) -> None:
        self.device = pick_device()
        self.pair = pair.to(self.device).eval()

    @abstractmethod
    def hidden(self, secret: Pixels, seed: int) -> Tensor:
        """Return the network's second input, (1, C, H, W) float."""

    @abstractmethod
    def revealed_psnr(self, container: Tensor, secret: Pixels, seed: int) -> Figures:
        """Return the figures of what comes back from a container, (1, 3, H, W) float; among them `SECRET_PSNR`."""

    @torch.inference_mode()
    def measure(self, cover: Pixels, secret: Pixels, seed: int) -> Figures:
        """Return container_psnr_… and secret_psnr_… in dB of all three states."""
        before = self.tensor(cover)
        exact = self.pair.hide(before, self.hidden(secret, seed)).float()
        stored = self.pixels(exact)
        states = {EXACT: exact, STORED: self.tensor(stored), JPEG: self.tensor(through_jpeg(stored, JPEG_QUALITY))}
        figures = Figures()
        for state, container in states.items():
            figures[f"{CONTAINER_PSNR}_{state}"] = psnr_from_mse(float((container - before).square().mean()))
            of_secret = self.revealed_psnr(container, secret, seed)
            figures |= {f"{name}_{state}": value for name, value in of_secret.items()}
        return figures

    @torch.inference_mode()
    def stored(self, cover: Pixels, secret: Pixels, seed: int) -> Pixels:
        """Return the clamped and rounded container."""
        return self.pixels(self.pair.hide(self.tensor(cover), self.hidden(secret, seed)).float())

    def speed(self) -> Figures:
        """Return the milliseconds a megapixel, the median of three runs on 512×512 pixels."""
        side = 512
        picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
        cover = self.tensor(picture)
        hidden = self.hidden(picture, 0)

        @torch.inference_mode()
        def hide() -> Tensor:
            return self.pair.hide(cover, hidden).cpu()

        @torch.inference_mode()
        def reveal() -> Tensor:
            return self.pair.reveal(cover).cpu()

        times = {HIDE_MS: milliseconds(hide), REVEAL_MS: milliseconds(reveal)}
        return {name: round(time * 1e6 / side**2, 1) for name, time in times.items()}

    def tensor(self, picture: Pixels) -> Tensor:
        """Return a picture as (1, 3, H, W) float32 in [0, 1] on the device."""
        return torch.from_numpy(from_8_bits(picture)).permute(2, 0, 1)[None].to(self.device)

    @staticmethod
    def pixels(pictures: Tensor) -> Pixels:
        """Return (1, 3, H, W) float as (H, W, 3) uint8, clamped and rounded."""
        return to_8_bits(pictures[0].permute(1, 2, 0).cpu().numpy())


class WholePictures(PairRuler):
    """A pair that hides whole secrets, as published."""

    def hidden(self, secret: Pixels, seed: int) -> Tensor:
        """Return the secret less mid-grey."""
        return self.pair.prepare(self.tensor(secret)) - GREY / 255

    def revealed_psnr(self, container: Tensor, secret: Pixels, seed: int) -> Figures:
        """Return the PSNR of the revealed picture, rounded to 8 bits."""
        residual = self.pair.reveal(container).float()
        revealed = self.pair.restore(torch.full_like(residual, GREY / 255), residual)
        return {SECRET_PSNR: psnr(secret, self.pixels(revealed))}


class ByKey(Ruler):
    """A pair of ours, with base, shuffle, sealed bits and key, from PNG files; JPEG destroys its sealed bits."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def measure(self, cover: Pixels, secret: Pixels, seed: int) -> Figures:
        """Return both figures of stored containers."""
        container, revealed = hide_and_reveal(self._network, cover, secret, seed)
        return {f"{CONTAINER_PSNR}_{STORED}": psnr(cover, container), f"{SECRET_PSNR}_{STORED}": psnr(secret, revealed)}

    def stored(self, cover: Pixels, secret: Pixels, seed: int) -> Pixels:
        """Return the container as read from a PNG file."""
        return hide_and_reveal(self._network, cover, secret, seed)[0]


def ruler_of(weights: Path) -> Ruler:
    """Return the ruler for trained weights, by what they hide."""
    card = read_card(weights)
    if card.scramble["base"] != NONE:
        return ByKey(Network.load(weights, backend="torch"))
    pair, _ = load_pair(weights)
    return WholePictures(pair)
