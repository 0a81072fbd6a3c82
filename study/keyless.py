"""The view of an observer with the program and a container, but without the key.

The program refuses every wrong key with one message. The public reveal network still reads blocks, shuffled, whose
statistics no shuffle hides.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from stegnet.codec import Key, KeySource, Network, Passphrase, Randomness
from stegnet.codec.keys import KEY_BYTES
from stegnet.core.errors import StegnetError
from stegnet.core.samples import GREY, LEVELS, Base, block_means, enlarge, from_8_bits, split, to_8_bits
from stegnet.core.shuffle import Shuffle, invert
from stegnet.core.tensors import from_8_bits as to_tensor

HISTOGRAM_BINS = 64
OPENED = "opened"
Reveal = Callable[[np.ndarray, KeySource], object]  # raises a StegnetError if it gives nothing


@dataclass(frozen=True)
class Attempt:
    """A container and a wrong key.

    Attributes:
        kind: another key, one bit off, no key, a passphrase, or nothing hidden.
    """

    kind: str
    container: np.ndarray
    key: KeySource


def one_bit_off(secret: bytes, bit: int) -> Key:
    """The key of these 32 bytes with one bit flipped, counted from 0 at the first byte's highest."""
    bits = np.unpackbits(np.frombuffer(secret, np.uint8))
    bits[bit] ^= 1
    return Key(np.packbits(bits).tobytes())


def attempts(
    cover: np.ndarray, container: np.ndarray, secret: bytes, bits: Iterable[int], random: Randomness
) -> Iterator[Attempt]:
    """All kinds of attempts on one container.

    Args:
        cover: with nothing hidden; the right key is used on it.
        secret: the 32 bytes of the right key.
        bits: numbers of the bits to flip, one at a time.
        random: source of other keys.
    """
    yield Attempt("another key", container, Key(random(KEY_BYTES)))
    yield from (Attempt("one bit off", container, one_bit_off(secret, bit)) for bit in bits)
    yield Attempt("no key: all zeros", container, Key(bytes(KEY_BYTES)))
    yield Attempt("a passphrase", container, Passphrase("correct horse battery staple"))
    yield Attempt("nothing hidden", cover, Key(secret))


def answers(made: Iterable[Attempt], reveal: Reveal) -> pd.DataFrame:
    """Counts of `reveal`'s answers; columns kind, answer (error and hint, as printed, or "opened"), count."""
    counts = Counter((attempt.kind, _answer(attempt, reveal)) for attempt in made)
    return pd.DataFrame([(*labels, count) for labels, count in counts.items()], columns=["kind", "answer", "count"])


def _answer(attempt: Attempt, reveal: Reveal) -> str:
    try:
        reveal(attempt.container, attempt.key)
    except StegnetError as error:
        return error.as_text()
    return OPENED


def to_hide(frame: np.ndarray, detail: bool) -> np.ndarray:
    """(H, W, 3) uint8 to signed float, before the shuffle: the picture less its block means, or less grey."""
    base = enlarge(block_means(frame)) if detail else Base.grey(*frame.shape[:2]).picture
    return split(from_8_bits(frame), base, 1.0)


def read_blocks(network: Network, container: np.ndarray) -> np.ndarray:
    """The public reveal network's output on a container: signed, its blocks still shuffled.

    Args:
        network: with the PyTorch backend.
        container: (H, W, 3) uint8, sides multiples of the network's block.
    Returns:
        (H, W, 3) float32.
    """
    engine = network.engine
    with torch.inference_mode():
        pictures = to_tensor(torch.tensor(container, device=engine.device).permute(2, 0, 1)[None])
        return engine.pair.reveal(pictures).float()[0].permute(1, 2, 0).contiguous().cpu().numpy()


def unshuffled(blocks: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """The blocks of (H, W, 3) in the order that a shuffle gives."""
    return invert(blocks, shuffle)


def on_grey(hidden: np.ndarray) -> np.ndarray:
    """(H, W, 3) signed to uint8, with mid-grey for the block means, which are sealed."""
    return to_8_bits(hidden + GREY / LEVELS)


def cut_blocks(picture: np.ndarray, block: int) -> np.ndarray:
    """The blocks of (H, W, C), (N, block, block, C) in raster order."""
    height, width, channels = picture.shape
    rows, cols = height // block, width // block
    return picture.reshape(rows, block, cols, block, channels).swapaxes(1, 2).reshape(-1, block, block, channels)


def histogram_correlation(seen: np.ndarray, secret: np.ndarray) -> float:
    """Correlation of two pictures' histograms over all samples; (H, W, 3) float, signed."""
    counts = [np.histogram(picture, HISTOGRAM_BINS, (-1, 1))[0] for picture in (seen, secret)]
    return float(np.corrcoef(*counts)[0, 1])


def mean_colour_error(seen: np.ndarray, secret: np.ndarray) -> float:
    """Difference of two pictures' mean colours: mean over the channels, in 8-bit steps."""
    return float(np.abs(seen.mean((0, 1)) - secret.mean((0, 1))).mean() * 255)


def variance_profile(picture: np.ndarray, block: int) -> np.ndarray:
    """(N,) float: the blocks' standard deviations, sorted, on a logarithmic scale of 8-bit steps."""
    return np.sort(np.log1p(cut_blocks(picture, block).std((1, 2)).mean(1) * 255))


def recognised(seen: list[np.ndarray], secrets: list[np.ndarray], block: int) -> float:
    """Share of the shuffled pictures that are identified among the secrets by their variance profile.

    Args:
        seen, secrets: pictures of one size in the same order, (H, W, 3) float each.
    """
    shuffled, known = (
        np.stack([variance_profile(picture, block) for picture in pictures]) for pictures in (seen, secrets)
    )
    nearest = np.abs(shuffled[:, None] - known).mean(2).argmin(1)
    return float(np.mean(nearest == np.arange(len(seen))))
