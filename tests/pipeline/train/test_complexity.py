"""The size of pairs."""

from torch import nn

from pipeline.train.complexity import size_of
from stegnet.networks.card import SHIPPED
from stegnet.networks.pair import build, load_pair


def test_the_shipped_pair_has_what_the_manual_says():
    """5.5 kMAC a pixel to hide and 16 to reveal (docs/training.md)."""
    size = size_of(load_pair(SHIPPED)[0])
    assert size["parameters"] == 68_952
    assert (size["hide_macs_per_pixel"], size["reveal_macs_per_pixel"]) == (5_656, 16_532)


def test_a_single_convolution_is_counted_as_by_hand(monkeypatch):
    """Of 3 × 3 × 3 weights for each of 3 colours, at each pixel; all else of the pair copies."""
    pair = build("unet", width=1)
    convolution = nn.Conv2d(3, 3, 3, padding=1)
    for name in ("prepare", "enhance"):
        monkeypatch.setattr(pair, name, lambda picture: picture, raising=False)
    monkeypatch.setattr(pair, "hide", lambda cover, secret: convolution(secret), raising=False)
    monkeypatch.setattr(pair, "reveal", lambda container: container, raising=False)
    monkeypatch.setattr(pair, "restore", lambda base, revealed: revealed, raising=False)
    assert size_of(pair)["hide_macs_per_pixel"] == 81
    assert size_of(pair)["reveal_macs_per_pixel"] == 0
