import torch
from torch import nn

from stegnet.models.baluja import Baluja


def count(*networks: nn.Module) -> int:
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def test_the_size_matches_the_earlier_implementations():
    pair = Baluja()
    assert count(pair.preparer, pair.hider) == 1_891_953
    assert count(pair.revealer) == 758_703


def test_the_hiding_network_gets_the_prepared_secret():
    pair = Baluja(width=4)
    cover, secret = torch.rand(2, 1, 3, 16, 16)
    expected = pair.hider(torch.cat([cover, pair.preparer(secret)], dim=1))
    assert torch.equal(pair.hide(cover, secret), expected)
    assert torch.equal(pair.prepare(secret), secret)
