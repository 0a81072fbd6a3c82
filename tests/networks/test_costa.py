"""The dirty-paper family: what it needs, and what its masks hide."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from stegnet.networks import Pair, build

pytestmark = pytest.mark.arithmetic


@pytest.fixture
def pair() -> Pair:
    """Untrained: encoder and decoder are linear, but for compander and series."""
    torch.manual_seed(0)
    return build("costa", width=8).eval()


def hidden_signal(seed: int = 0, size: int = 128) -> torch.Tensor:
    return 0.1 * torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


def cover(seed: int = 1, size: int = 128) -> torch.Tensor:
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 0.8 + 0.1


@torch.no_grad()
def test_a_container_stays_within_half_a_period_of_any_cover(pair):
    change = pair.hide(cover(), hidden_signal()) - cover()
    assert change.abs().max() < pair.period() / 2
    assert pair.period().item() * 255 == pytest.approx(4.8)


@torch.no_grad()
def test_no_cover_disturbs_what_is_revealed(pair):
    """Nor do 8 bits."""
    hidden = hidden_signal()
    first, second = (pair.reveal(pair.hide(cover(seed), hidden).mul(255).round() / 255) for seed in (1, 2))
    error = (first - hidden).square().mean()
    assert error < 0.4 * hidden.square().mean()
    torch.testing.assert_close(error, (second - hidden).square().mean(), rtol=0.05, atol=0)


@torch.no_grad()
def test_only_the_container_modulo_the_period_counts(pair):
    container = pair.hide(cover(), hidden_signal())
    for periods in (-3, 1, 20):
        moved = container + periods * pair.period()
        torch.testing.assert_close(pair.reveal(moved), pair.reveal(container), atol=2e-3, rtol=0)


@torch.no_grad()
def test_phases_are_read_by_a_sine_series(pair):
    """As long as only that reads: the untrained decoder adds nothing to it."""
    sines = np.array([0.11, -0.02, 0.03, -0.04, 0.05])
    pair.sines.copy_(torch.tensor(sines))
    container = cover()
    phase = 2 * np.pi * container.double().numpy() / pair.period().double().item()
    expected = sum(sine * np.sin(order * phase) for order, sine in enumerate(sines, 1))
    np.testing.assert_allclose(pair.reveal(container).numpy(), expected, atol=1e-4)


@torch.no_grad()
def test_with_a_mask_the_change_is_uniform_whatever_is_hidden(pair):
    """So the container says nothing of it: its distribution is the same for each value hidden."""
    mask = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(3)) * pair.period()
    way = pair.way_logit.sigmoid()
    plain = cover() * 0 + 100 / 255
    for hidden in (hidden_signal(), torch.zeros(1, 3, 128, 128), torch.full((1, 3, 128, 128), 0.2)):
        change = (pair.hide(plain - mask, hidden) + mask - plain) / (way * pair.period())
        found = change.flatten().numpy()[::7]
        assert kstest(found, "uniform", (-0.5, 1)).pvalue > 1e-3
        assert abs(np.corrcoef(change.flatten(), hidden_signal().flatten())[0, 1]) < 0.02


@pytest.mark.parametrize("backbone", ["none", "test_convnext", "mobilenetv4_conv_small"])
@torch.no_grad()
def test_base_and_secret_are_as_they_were_before_training(backbone):
    """Where a network is missing, they always are."""
    base, residual = torch.rand(1, 3, 32, 40), 0.01 * torch.randn(1, 3, 32, 40)
    cases = {("base+secret", 1): (True, True), ("base", 1): (True, False), ("secret", 2): (False, True)}
    for (place, ends), changed in (cases | {("base+secret", 0): (False, False)}).items():
        pair = build("costa", width=4, ends=ends, backbone=backbone, place=place).eval()
        assert torch.equal(pair.enhance(base), base)
        assert torch.equal(pair.restore(base, residual), base + residual)
        for parameter in pair.parameters():
            parameter.data += 0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
        found = (pair.enhance(base), base), (pair.restore(base, residual), base + residual)
        assert tuple(not torch.equal(*both) for both in found) == changed
