import torch
from torch import nn

from stegnet.models import Pair
from tools.cost import Cost, cost


class Small(Pair):
    """One convolution in both directions, one more in each, and one in none."""

    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Conv2d(3, 3, 1, bias=False)
        self.hiding = nn.Conv2d(6, 3, 3, padding=1)
        self.revealing = nn.Linear(3, 3)
        self.unused = nn.Conv2d(3, 100, 1)

    def prepare(self, secret):
        return self.both(secret)

    def hide(self, cover, secret):
        return self.hiding(torch.cat([cover, secret], dim=1))

    def reveal(self, container):
        return self.both(container)

    def restore(self, pictures):
        return self.revealing(pictures.mT.transpose(1, 3)).transpose(1, 3).mT


def test_a_pair_counted_by_hand():
    pair = Small().train()
    assert cost(pair) == Cost(
        hide_parameters=9 + 165,
        reveal_parameters=9 + 12,
        parameters=9 + 165 + 12 + 400,
        hide_kmac=(9 + 162) / 1000,
        reveal_kmac=(9 + 9) / 1000,
    )
    assert pair.training
    assert pair.both.weight.device.type == "cpu"
