import numpy as np
import pytest
import torch

from stegnet.channel import from_8_bits, to_8_bits
from stegnet.codec import Network
from stegnet.errors import WeightsError
from stegnet.models import load_pair, weights_id
from stegnet.scramble import draw


def test_it_is_the_pair_through_8_bits(weights, picture):
    network = Network.load(weights)
    pair, _ = load_pair(weights)
    cover, secret, shuffle = picture(16, 24, 1), picture(16, 24, 2), draw(bytes(32), 2, 3)
    inputs = [from_8_bits(torch.tensor(pixels).permute(2, 0, 1)[None]) for pixels in (cover, secret)]
    plain = draw(bytes(32), 2, 3)
    plain.permutation.copy_(torch.arange(6))
    plain.orientation.zero_()
    expected = to_8_bits(pair.hide(*inputs))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(network.hide(cover, secret, plain), expected, atol=1)
    assert not np.array_equal(network.hide(cover, secret, shuffle), expected)


def test_other_weights_are_refused_by_name(weights):
    network = Network.load(weights)
    network.check(weights_id(weights))
    with pytest.raises(WeightsError, match="abababab") as caught:
        network.check("ab" * 32)
    assert "ab" * 32 in caught.value.hint


def test_no_weights(tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        Network.load(tmp_path / "none")
