from dataclasses import replace

import numpy as np
import pytest
import torch

from stegnet.core.config import ScrambleConfig
from stegnet.core.tensors import block_means, join, split, with_block_means
from stegnet.models import Pair
from stegnet.training.batch_pass import HideRevealPass, draw_randomness

CPU = torch.device("cpu")


class Watched(Pair):
    """Gives back what it was given, and keeps it."""

    def hide(self, cover, secret):
        self.hidden = secret
        return cover

    def reveal(self, container):
        self.container = container
        return self.hidden


@pytest.fixture
def batch() -> torch.Tensor:
    return torch.randint(256, (8, 2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("share", "changed"), [(0.0, 0), (1.0, 8)])
@pytest.mark.parametrize("detail", [True, False])
def test_only_secrets_are_shuffled(make_config, batch, share, changed, detail):
    config = replace(make_config(batch=8, scrambled=share), scramble=ScrambleConfig(detail, 16))
    pair = Watched()
    arrived = HideRevealPass(pair, detail, "fp32")(batch, draw_randomness(config, 3, CPU))
    assert torch.equal(arrived.cover, batch[:, 0] / 255)
    assert torch.equal(arrived.secret, batch[:, 1] / 255)
    means = block_means(arrived.secret) if detail else None
    expected = split(with_block_means(arrived.secret, means), means)
    moved = [not torch.allclose(a, b, atol=1e-6) for a, b in zip(pair.hidden, expected, strict=True)]
    assert sum(moved) == changed
    shown = pair.hidden.abs().flatten(2).sort().values
    torch.testing.assert_close(shown, expected.abs().flatten(2).sort().values, atol=1e-6, rtol=0)


@pytest.mark.parametrize("detail", [True, False])
def test_what_is_revealed_is_put_back_in_order(make_config, batch, detail):
    config = replace(make_config(batch=8, scrambled=0.5), scramble=ScrambleConfig(detail, 8))
    arrived = HideRevealPass(Watched(), detail, "fp32")(batch, draw_randomness(config, 3, CPU))
    means = block_means(arrived.secret) if detail else None
    torch.testing.assert_close(arrived.revealed, join(split(arrived.secret, means), means))


def test_sealed_bits_and_noise_change_what_is_stored(make_config, batch):
    pair = Watched()
    trip = HideRevealPass(pair, True, "fp32")
    for bits in (0.0, 0.1, 0.5):
        arrived = trip(batch, draw_randomness(make_config(batch=8, bits=bits), 3, CPU))
        changed = (pair.container - arrived.container).abs() > 0.5 / 255
        assert changed.float().mean().item() == pytest.approx(bits, abs=0.01)
    arrived = trip(batch, draw_randomness(make_config(batch=8, bits=0.0, noise=0.1), 3, CPU))
    assert (pair.container - arrived.container).std().item() == pytest.approx(0.1, rel=0.05)


class Vivid(Watched):
    """Its containers lie between the levels, and beyond black and white."""

    def hide(self, cover, secret):
        return 1.2 * super().hide(cover, secret) - 0.1


def test_what_is_revealed_from_is_what_a_file_would_hold(make_config, batch):
    pair = Vivid()
    arrived = HideRevealPass(pair, True, "fp32")(
        batch, draw_randomness(make_config(batch=8, bits=0.0, noise=0.0), 3, CPU)
    )
    levels = np.rint(arrived.container.double().numpy().clip(0, 1) * 255)
    np.testing.assert_allclose(pair.container.numpy() * 255, levels, atol=1e-4)
    assert (arrived.container.amin() < 0) and (arrived.container.amax() > 1)


def test_chance_follows_from_seed_and_step(make_config):
    sealed = [
        draw_randomness(make_config(seed=seed), step, CPU).sealed for seed, step in ((0, 3), (0, 3), (0, 4), (1, 3))
    ]
    assert [torch.equal(sealed[0], other) for other in sealed] == [True, True, False, False]


def test_the_parts_of_a_batch_take_the_way_that_they_take_together(make_config, batch):
    config = make_config(batch=8, scrambled=0.5, noise=0.1)
    trip, chance = HideRevealPass(Watched(), True, "fp32"), draw_randomness(config, 0, CPU)
    whole = trip(batch, chance)
    for part in (slice(0, 3), slice(3, 8)):
        for there, here in zip(whole, trip(batch[part], chance.part(part)), strict=True):
            torch.testing.assert_close(here, there[part])
