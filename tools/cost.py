"""Cost of a pair: parameters and arithmetic."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from stegnet.models.pair import Pair

SIDE = 256  # of the picture counted on


@dataclass(frozen=True)
class Cost:
    """Cost of hiding and revealing; shared modules count in both, but only once in `parameters`.

    Attributes:
        hide_parameters, reveal_parameters: number of parameters of the modules used.
        parameters: number of all parameters.
        hide_kmac, reveal_kmac: thousand multiply-accumulates per pixel, of convolutions and matrix products only,
            which are nearly all.
    """

    hide_parameters: int
    reveal_parameters: int
    parameters: int
    hide_kmac: float
    reveal_kmac: float


def cost(pair: Pair) -> Cost:
    """Counts the cost on a 256×256 picture on the meta device, where nothing is computed."""
    meta = copy.deepcopy(pair).to("meta").eval()
    picture = torch.empty(1, 3, SIDE, SIDE, device="meta")
    hide = _count(meta, lambda: meta.hide(picture, meta.prepare(picture)))
    reveal = _count(meta, lambda: meta.restore(meta.reveal(picture)))
    total = sum(parameter.numel() for parameter in pair.parameters())
    return Cost(hide[0], reveal[0], total, hide[1], reveal[1])


def _count(pair: Pair, run: Callable[[], Tensor]) -> tuple[int, float]:
    """Returns the parameters of the modules that run, and thousand multiply-accumulates per pixel."""
    used: set[nn.Parameter] = set()

    def note(module: nn.Module, *_: object) -> None:
        used.update(module.parameters(recurse=False))

    hooks = [module.register_forward_hook(note) for module in pair.modules()]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return sum(parameter.numel() for parameter in used), counter.get_total_flops() / 2 / SIDE**2 / 1000
