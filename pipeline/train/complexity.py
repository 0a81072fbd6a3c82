"""The size of a pair: its parameters, and the multiply-adds per pixel."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from stegnet.core.pixels import BLOCK, DITHER
from stegnet.networks.families.modem import Modem
from stegnet.networks.families.multiscale import Multiscale
from stegnet.networks.families.steganogan import SteganoGAN
from stegnet.networks.pair import Pair


@torch.no_grad()
def size_of(pair: Pair, side: int = 64) -> dict[str, int]:
    """Return the number of parameters, and the multiply-adds a pixel of hiding and of revealing, or of predicting.

    Multiplications of convolutions and matrices are counted (half the floating-point operations of PyTorch's
    FlopCounterMode), as papers do. `side` is that of the hidden picture in pixels: some networks pad it, to 32 or 128.
    """
    parameters = {"parameters": sum(weight.numel() for weight in pair.parameters())}
    if isinstance(pair, Multiscale):
        return parameters | {"macs_per_pixel": pair.macs_per_pixel()}
    blocks = side // BLOCK
    device = next(pair.parameters()).device
    cover, secret, base = torch.zeros(3, 1, 3, side, side, device=device)
    bits = torch.zeros(1, pair.bits, blocks, blocks, device=device)
    dither = torch.zeros(1, DITHER, blocks, blocks, device=device)
    pair.eval()

    with FlopCounterMode(display=False) as hiding:
        if isinstance(pair, Modem):
            container = pair.hide(cover, torch.cat([bits, dither], dim=1))
        elif isinstance(pair, SteganoGAN):
            container = pair.hide(cover, torch.zeros(1, pair.depth, side, side, device=device))
        else:
            container = pair.hide(cover, pair.prepare(secret) - pair.enhance(base))
    with FlopCounterMode(display=False) as revealing:
        if isinstance(pair, Modem):
            pair.reveal(container, dither)
        elif isinstance(pair, SteganoGAN):
            pair.reveal(container)
        else:
            pair.restore(pair.enhance(base), pair.reveal(container))

    return {
        **parameters,
        "hide_macs_per_pixel": round(hiding.get_total_flops() / 2 / side**2),
        "reveal_macs_per_pixel": round(revealing.get_total_flops() / 2 / side**2),
    }
