"""What somebody sees who has the program and a container, but no key."""

import numpy as np
import torch

from stegnet.channel import from_8_bits, to_8_bits
from stegnet.codec import Network
from stegnet.detail import join
from stegnet.scramble import Shuffle, invert


def read_blocks(network: Network, container: np.ndarray) -> np.ndarray:
    """What the public reveal net reads out of a container: signed, its blocks still shuffled.

    Args:
        container: (H, W, 3) uint8, sides multiples of the network's block.
    Returns:
        (H, W, 3) float32.
    """
    with torch.inference_mode():
        pictures = from_8_bits(torch.tensor(container, device=network.device).permute(2, 0, 1)[None])
        return samples(network.pair.reveal(pictures).float())


def ordered(blocks: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """The same blocks, (H, W, 3), put back as a shuffle says."""
    return samples(invert(planes(blocks), [shuffle]))


def on_grey(hidden: np.ndarray) -> np.ndarray:
    """(H, W, 3) signed to uint8: with mid-grey in the place of block means, which are sealed."""
    return samples(to_8_bits(join(planes(hidden), None)))


def planes(picture: np.ndarray) -> torch.Tensor:
    """(H, W, 3) to (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]


def samples(pictures: torch.Tensor) -> np.ndarray:
    """(1, 3, H, W) to (H, W, 3)."""
    return pictures[0].permute(1, 2, 0).contiguous().cpu().numpy()
