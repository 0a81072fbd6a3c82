"""The size of a pair: its parameters, and the multiply-adds per pixel."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from stegnet.core.pixels import BLOCK, DITHER
from stegnet.networks.pair import Pair

_SIDE = 64  # pixels of the hidden picture; backbones have strides up to 32


@torch.no_grad()
def size_of(pair: Pair) -> dict[str, int]:
    """Return the number of parameters, and the multiply-adds a pixel of hiding and of revealing.

    Multiplications of convolutions and matrices are counted (half the floating-point operations of PyTorch's
    FlopCounterMode), as papers do.
    """
    pair.eval()
    cover, secret, base = torch.zeros(3, 1, 3, _SIDE, _SIDE)
    with FlopCounterMode(display=False) as hiding:
        if pair.bits:
            dither = torch.zeros(1, DITHER, _SIDE // BLOCK, _SIDE // BLOCK)
            bits = torch.zeros(1, pair.bits, _SIDE // BLOCK, _SIDE // BLOCK)
            container = pair.hide(cover, torch.cat([bits, dither], dim=1))
        else:
            container = pair.hide(cover, pair.prepare(secret) - pair.enhance(base))
    with FlopCounterMode(display=False) as revealing:
        if pair.bits:
            pair.reveal(container, dither)
        else:
            pair.restore(pair.enhance(base), pair.reveal(container))
    counts = {"hide": hiding, "reveal": revealing}
    macs = {f"{name}_macs_per_pixel": round(each.get_total_flops() / 2 / _SIDE**2) for name, each in counts.items()}
    return {"parameters": sum(weight.numel() for weight in pair.parameters()), **macs}
