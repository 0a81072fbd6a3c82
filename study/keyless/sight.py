"""What somebody sees who has the program and a container, but no key."""

import numpy as np
import torch

from stegnet.codec import Network
from stegnet.core.samples import join, to_8_bits
from stegnet.core.shuffle import Shuffle, invert
from stegnet.core.tensors import from_8_bits


def read_blocks(network: Network, container: np.ndarray) -> np.ndarray:
    """What the public reveal net reads out of a container: signed, its blocks still shuffled.

    Args:
        network: in PyTorch.
        container: (H, W, 3) uint8, sides multiples of the network's block.
    Returns:
        (H, W, 3) float32.
    """
    engine = network.engine
    with torch.inference_mode():
        pictures = from_8_bits(torch.tensor(container, device=engine.device).permute(2, 0, 1)[None])
        return engine.pair.reveal(pictures).float()[0].permute(1, 2, 0).contiguous().cpu().numpy()


def ordered(blocks: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """The same blocks, (H, W, 3), put back as a shuffle says."""
    return invert(blocks, shuffle)


def on_grey(hidden: np.ndarray) -> np.ndarray:
    """(H, W, 3) signed to uint8: with mid-grey in the place of block means, which are sealed."""
    return to_8_bits(join(hidden, None))
