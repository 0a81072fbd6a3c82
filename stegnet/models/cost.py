"""What a pair costs: its parameters, and its arithmetic."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from stegnet.models.pair import Pair

SIDE = 256  # of the picture that is counted on


@dataclass(frozen=True)
class Cost:
    """Of each direction; what both use counts in both, and once in `parameters`.

    Attributes:
        hide_parameters, reveal_parameters: numbers in the modules that run in that direction.
        parameters: numbers in all.
        hide_kmac, reveal_kmac: thousand multiplications and additions per pixel; of convolutions and matrix
            products alone, which are nearly all.
    """

    hide_parameters: int
    reveal_parameters: int
    parameters: int
    hide_kmac: float
    reveal_kmac: float


def cost(pair: Pair) -> Cost:
    """Counted on one picture of 256×256 that has shapes and no values: it takes no time and changes nothing."""
    shape = copy.deepcopy(pair).to("meta").eval()
    picture = torch.empty(1, 3, SIDE, SIDE, device="meta")
    hide = _count(shape, lambda: shape.hide(picture, shape.prepare(picture)))
    reveal = _count(shape, lambda: shape.restore(shape.reveal(picture)))
    total = sum(parameter.numel() for parameter in pair.parameters())
    return Cost(hide[0], reveal[0], total, hide[1], reveal[1])


def _count(pair: Pair, run: Callable[[], Tensor]) -> tuple[int, float]:
    """The parameters in the modules that run, and thousand multiplications and additions per pixel."""
    used: set[nn.Parameter] = set()

    def note(module: nn.Module, *_: object) -> None:
        used.update(module.parameters(recurse=False))

    hooks = [module.register_forward_hook(note) for module in pair.modules()]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return sum(parameter.numel() for parameter in used), counter.get_total_flops() / 2 / SIDE**2 / 1000
