"""The size of a pair: its parameters, and the multiply-adds per pixel."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from stegnet.networks.pair import Pair


@torch.no_grad()
def size_of(pair: Pair, side: int = 64) -> dict[str, int]:
    """Return the number of parameters, and the multiply-adds a pixel of hiding and of revealing.

    Multiplications of convolutions and matrices are counted (half the floating-point operations of PyTorch's
    FlopCounterMode), as papers do. `side` is that of the hidden picture in pixels: some networks pad it, to 32 or 128.
    """
    parameters = {"parameters": sum(weight.numel() for weight in pair.parameters())}
    device = next(pair.parameters()).device
    cover, secret, base = torch.zeros(3, 1, 3, side, side, device=device)
    pair.eval()

    with FlopCounterMode(display=False) as hiding:
        container = pair.hide(cover, pair.prepare(secret) - pair.enhance(base))
    with FlopCounterMode(display=False) as revealing:
        pair.restore(pair.enhance(base), pair.reveal(container))

    return {
        **parameters,
        "hide_macs_per_pixel": round(hiding.get_total_flops() / 2 / side**2),
        "reveal_macs_per_pixel": round(revealing.get_total_flops() / 2 / side**2),
    }
