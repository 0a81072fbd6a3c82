import numpy as np
import pytest
import torch

from stegnet.networks import Pair
from tests.support.lab import Config, ScrambleConfig
from tests.support.training import HideRevealPass, HidingTask, PassResult, block_means, draw_randomness

CPU = torch.device("cpu")


class Watched(Pair):
    """Containers are scaled and shifted covers, and what was hidden is revealed; all that it is given is recorded."""

    def __init__(self, scale: float = 1.0, shift: float = 0.0, period: float = 0.0) -> None:
        super().__init__()
        self._scale, self._shift, self._period = scale, shift, period

    def period(self):
        return torch.tensor(self._period)

    def hide(self, cover, secret):
        self.cover, self.hidden = cover, secret
        return self._scale * cover + self._shift

    def reveal(self, container):
        self.container = container
        return self.hidden


def passed(pair: Pair, config: Config, batch: torch.Tensor) -> PassResult:
    """What comes of a batch in step 3."""
    return HideRevealPass(pair, config, "fp32")(batch, draw_randomness(config, 3, CPU))


@pytest.fixture
def batch() -> torch.Tensor:
    return torch.randint(256, (8, 2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def expected_hidden(batch: torch.Tensor, base: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The hidden part of the secrets, (B, 3, H, W), with their bases and gains."""
    secret = batch[:, 1] / 255
    if base == "none":
        return secret - 128 / 255, torch.full_like(secret, 128 / 255), torch.ones(())
    bases = block_means(secret) if base == "means" else batch[:, 2] / 255
    gains = 0.1 / (secret - bases).square().mean((1, 2, 3), keepdim=True).sqrt()
    return (secret - bases) * gains, bases, gains


def with_bases(batch: torch.Tensor, base: str) -> torch.Tensor:
    """The batch, and a third picture if bases are coded: the secret, rounded to multiples of 16."""
    return batch if base != "coded" else torch.cat([batch, batch[:, 1:] // 16 * 16], dim=1)


@pytest.mark.parametrize("base", ["none", "means", "coded"])
def test_only_secrets_are_shuffled_and_come_back_added_to_their_bases(make_config, batch, base):
    batch = with_bases(batch, base)
    expected, *_ = expected_hidden(batch, base)
    for share, changed in ((0.0, 0), (1.0, 8)):
        config = make_config(batch=8, scrambled=share, scramble=ScrambleConfig(base=base, quality=85, block=16))
        pair = Watched()
        result = passed(pair, config, batch)
        assert torch.equal(result.cover, batch[:, 0] / 255)
        assert torch.equal(result.secret, batch[:, 1] / 255)
        moved = [not torch.allclose(a, b, atol=1e-6) for a, b in zip(pair.hidden, expected, strict=True)]
        assert sum(moved) == changed
        shown = pair.hidden.abs().flatten(2).sort().values
        torch.testing.assert_close(shown, expected.abs().flatten(2).sort().values, atol=1e-6, rtol=0)
        torch.testing.assert_close(result.revealed, result.secret)


class Enhancing(Watched):
    """Its bases are a level of 16 brighter."""

    def __init__(self):
        super().__init__()
        self.brighter = torch.nn.Parameter(torch.tensor(16 / 255))

    def enhance(self, base):
        return base + self.brighter


@pytest.mark.parametrize("base", ["means", "coded"])
def test_what_an_enhanced_base_leaves_is_hidden_and_its_error_is_trained(make_config, batch, base):
    batch, weights = with_bases(batch, base), (0.0, 0.5)
    secret, (_, bases, _) = batch[:, 1] / 255, expected_hidden(batch, base)
    left = secret - bases - 16 / 255
    errors = []
    for weight in weights:
        config = make_config(
            batch=8, scrambled=0.0, base_weight=weight, scramble=ScrambleConfig(base=base, quality=85, block=8)
        )
        result = passed(pair := Enhancing(), config, batch)
        gains = 0.1 / left.square().mean((1, 2, 3), keepdim=True).sqrt()
        torch.testing.assert_close(pair.hidden, left * gains)
        torch.testing.assert_close(result.revealed, secret)
        errors.append(HidingTask(pair, config, "fp32", 10).terms(result).secret)
    assert errors[0].item() < 1e-9
    torch.testing.assert_close(errors[1], 0.5 * left.square().mean())
    errors[1].backward()
    assert pair.brighter.grad.abs() > 1e-3


def test_sealed_bits_and_noise_change_what_is_stored(make_config, batch):
    """Covers are exact levels: a sealed bit costs a step, as likely up as down."""
    pair, shares = Watched(), []
    for bits in (0.0, 0.1, 1.0):
        result = passed(pair, make_config(batch=8, bits=bits), batch)
        step = ((pair.container - result.container) * 255).round()
        assert set(step.unique().tolist()) <= {-1, 0, 1}
        shares.append(step.abs().mean().item())
    assert shares[:2] == [0, 0]  # so few bits fall on samples that lie between two levels
    assert 0.1 < shares[2] < 0.4
    result = passed(pair, make_config(batch=8, bits=0.0, noise=0.1), batch)
    assert (pair.container - result.container).std().item() == pytest.approx(0.1, rel=0.05)


def test_a_mask_is_around_the_networks_of_a_pair_with_a_period(make_config, batch):
    """Only the container modulo 4 levels counts; it is 3 levels above its cover."""
    config, pair = make_config(batch=8, bits=0.0), Watched(shift=3 / 255, period=4 / 255)
    result = passed(pair, config, batch)
    mask = (result.cover - pair.cover) * 255
    torch.testing.assert_close(mask, draw_randomness(config, 3, CPU).mask * 4, atol=1e-4, rtol=0)
    assert (mask.min().item(), mask.max().item()) == pytest.approx((0, 4), abs=0.01)
    torch.testing.assert_close(pair.container * 255 + mask, result.container * 255, atol=1e-3, rtol=0)
    # Samples come into the range by a period.
    step = ((result.container - result.cover) * 255).round()
    assert torch.equal(step == -1, result.cover * 255 > 252.5)
    assert set(step.unique().tolist()) == {-1, 3}


def test_revealing_reads_the_container_as_a_file_holds_it(make_config, batch):
    """Which has values between 8-bit levels, and outside [0, 1]."""
    result = passed(pair := Watched(scale=1.2, shift=-0.1), make_config(batch=8, bits=0.0, noise=0.0), batch)
    levels = np.rint(result.container.double().numpy().clip(0, 1) * 255)
    np.testing.assert_allclose(pair.container.numpy() * 255, levels, atol=1e-4)
    assert (result.container.amin() < 0) and (result.container.amax() > 1)


def test_noise_and_shuffles_follow_from_seed_and_step(make_config):
    places = [(0, 3), (0, 3), (1, 3), (0, 4)]
    first, again, *others = (draw_randomness(make_config(batch=2, seed=seed), step, CPU) for seed, step in places)
    assert torch.equal(first.sealed, again.sealed)
    assert not any(torch.equal(first.sealed, other.sealed) for other in others)
