"""The ruler of the zoo: what each network hides in the same pictures, in three states of its containers.

*Exact* containers are the network's output as it is, as most papers measure it; *stored* ones are clamped and rounded
to 8 bits, as a PNG holds them; *JPEG* ones are saved by Pillow at quality 90, 4:2:0, and opened again. A pair
that hides whole pictures has a class, and one with our base and key.
"""

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


class WholePictures:
    """A pair on PyTorch that hides whole secrets, as published, without key or shuffle."""

    def __init__(self, pair: Pair) -> None:
        self._device = pick_device()
        self._pair = pair.to(self._device).eval()

    @torch.inference_mode()
    def measure(self, cover: Pixels, secret: Pixels, seed: int) -> Figures:
        """Return container_psnr_… and secret_psnr_… in dB of all three states; `seed` is that of all randomness."""
        before = self._tensor(cover)
        exact = self._pair.hide(before, self._hidden(secret)).float()
        stored = self._pixels(exact)
        states = {EXACT: exact, STORED: self._tensor(stored), JPEG: self._tensor(through_jpeg(stored, JPEG_QUALITY))}
        figures = Figures()
        for state, container in states.items():
            figures[f"{CONTAINER_PSNR}_{state}"] = psnr_from_mse(float((container - before).square().mean()))
            figures[f"{SECRET_PSNR}_{state}"] = psnr(secret, self._revealed(container))
        return figures

    @torch.inference_mode()
    def stored(self, cover: Pixels, secret: Pixels, seed: int) -> Pixels:
        """Return the clamped and rounded container."""
        return self._pixels(self._pair.hide(self._tensor(cover), self._hidden(secret)).float())

    def speed(self) -> Figures:
        """Return the milliseconds a megapixel, the median of three runs on 512×512 pixels."""
        side = 512
        picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
        cover = self._tensor(picture)
        hidden = self._hidden(picture)

        @torch.inference_mode()
        def hide() -> Tensor:
            return self._pair.hide(cover, hidden).cpu()

        @torch.inference_mode()
        def reveal() -> Tensor:
            return self._pair.reveal(cover).cpu()

        times = {HIDE_MS: milliseconds(hide), REVEAL_MS: milliseconds(reveal)}
        return {name: round(time * 1e6 / side**2, 1) for name, time in times.items()}

    def _hidden(self, secret: Pixels) -> Tensor:
        """Return the network's second input, (1, C, H, W) float: the secret less mid-grey."""
        return self._pair.prepare(self._tensor(secret)) - GREY / 255

    def _revealed(self, container: Tensor) -> Pixels:
        """Return the picture that comes back from a container, (1, 3, H, W) float, rounded to 8 bits."""
        residual = self._pair.reveal(container).float()
        return self._pixels(self._pair.restore(torch.full_like(residual, GREY / 255), residual))

    def _tensor(self, picture: Pixels) -> Tensor:
        """Return a picture as (1, 3, H, W) float32 in [0, 1] on the device."""
        return torch.from_numpy(from_8_bits(picture)).permute(2, 0, 1)[None].to(self._device)

    @staticmethod
    def _pixels(pictures: Tensor) -> Pixels:
        """Return (1, 3, H, W) float as (H, W, 3) uint8, clamped and rounded."""
        return to_8_bits(pictures[0].permute(1, 2, 0).cpu().numpy())


class ByKey:
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

    def speed(self) -> Figures:
        """Return nothing: files and sealed bits take most of the time, which the others do not have."""
        return {}


Ruler = WholePictures | ByKey


def ruler_of(weights: Path) -> Ruler:
    """Return the ruler for trained weights, by what they hide."""
    card = read_card(weights)
    if card.scramble["base"] != NONE:
        return ByKey(Network.load(weights, backend="torch"))
    pair, _ = load_pair(weights)
    return WholePictures(pair)


def means(ruler: Ruler, pairs: Iterable[tuple[Pixels, Pixels]]) -> Figures:
    """Return the means of `measure` over pairs of cover and secret, which are of one size."""
    rows = [ruler.measure(cover, secret, seed) for seed, (cover, secret) in enumerate(pairs)]
    return {name: round(mean(row[name] for row in rows), 2) for name in rows[0]}
