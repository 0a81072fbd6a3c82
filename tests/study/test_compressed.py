"""Compressed pictures as sealed bits: their payload, their containers, and the picture that comes back."""

import numpy as np
import pytest

from stegnet.core.errors import CapacityError
from stegnet.core.measures import psnr
from stegnet.methods.sealed import bytes_room
from study.compressed import compressed, sealed_compressed, sealed_full

pytestmark = pytest.mark.slow  # the best of several encoders


@pytest.fixture
def quarters(cat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cover and secret, 128²."""
    return np.ascontiguousarray(cat[:128, :128]), np.ascontiguousarray(cat[128:, 128:])


def test_sealed_secrets_keep_within_their_bits(quarters) -> None:
    embeddings = [sealed_compressed(0.5)(*quarters, 0), sealed_compressed(1.0)(*quarters, 0), sealed_full(*quarters, 0)]
    low, high, full = (one.bits for one in embeddings)
    assert low <= 0.5 < high <= 1 < full <= 8 * bytes_room(128, 128, "secret.avif") / 128**2
    sides = [
        (psnr(quarters[0], one.container), psnr(quarters[1], one.reveal(one.container).picture)) for one in embeddings
    ]
    containers, secrets = zip(*sides, strict=True)
    # The small one moves the colours of a pixel together, three samples for each symbol.
    assert min(containers[:2]) > containers[2] > 49.9
    assert 25 < secrets[0] < secrets[1] < secrets[2]


def test_compressed_pictures_are_as_large_as_they_may_be_and_no_larger(quarters) -> None:
    sizes = [len(compressed(quarters[1], most)[0]) for most in (2000, 4000)]
    assert 0.9 * 2000 < sizes[0] <= 2000
    assert 0.9 * 4000 < sizes[1] <= 4000
    with pytest.raises(CapacityError):
        compressed(quarters[1], 50)
