import numpy as np
import pytest
import torch

from stegnet.core.tensors import from_8_bits, through_8_bits, to_8_bits, with_sealed_bits

pytestmark = pytest.mark.arithmetic


@pytest.mark.parametrize(
    ("value", "level"),
    [(0.0, 0), (1.0, 255), (-3.0, 0), (7.0, 255), (100.4 / 255, 100), (100.6 / 255, 101), (0.4 / 255, 0)],
)
def test_a_level_is_the_nearest_one(value, level):
    assert to_8_bits(torch.tensor([value])).item() == level
    assert through_8_bits(torch.tensor([value])).item() == pytest.approx(level / 255, abs=1e-7)


def test_all_levels_come_back():
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    values = from_8_bits(levels)
    assert values.dtype == torch.float32
    assert (values.min().item(), values.max().item()) == (0, 1)
    assert torch.equal(to_8_bits(values), levels)
    assert to_8_bits(values).dtype == torch.uint8


def test_training_sees_what_a_file_holds():
    values = torch.empty(1000).uniform_(-0.2, 1.2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(through_8_bits(values), from_8_bits(to_8_bits(values)), rtol=0, atol=1e-7)


def test_half_precision_goes_in():
    assert to_8_bits(torch.tensor([0.5, 1.5], dtype=torch.bfloat16)).tolist() == [128, 255]


def test_the_gradient_passes_rounding_and_not_clamping():
    values = torch.tensor([-0.5, 0.3, 0.7001, 1.5], requires_grad=True)
    (through_8_bits(values) * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert values.grad.tolist() == [0, 2, 3, 0]


def second_nearest(value: float) -> int:
    """Of the 256 levels, by sorting them all."""
    return sorted(range(256), key=lambda level: abs(value * 255 - level))[1]


def test_a_sealed_bit_costs_the_second_nearest_level():
    exact = torch.empty(1, 3, 10, 20).uniform_(-0.1, 1.1, generator=torch.Generator().manual_seed(0))
    sealed = with_sealed_bits(through_8_bits(exact), exact, torch.ones_like(exact, dtype=torch.bool))
    levels = to_8_bits(sealed)
    expected = [second_nearest(value) for value in exact.double().flatten().tolist()]
    assert levels.flatten().tolist() == expected
    np.testing.assert_allclose(sealed, levels / 255, atol=1e-6)


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_a_sealed_bit_never_leaves_the_range(level):
    exact = torch.full((1, 3, 1, 1), level / 255)
    sealed = with_sealed_bits(exact, exact, torch.ones_like(exact, dtype=torch.bool)) * 255
    assert (sealed - level).abs().round().unique().tolist() == [1]
    assert 0 <= sealed.min().round() <= sealed.max().round() <= 255


def test_only_chosen_samples_step():
    exact = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    stored, chosen = through_8_bits(exact), torch.rand(2, 3, 8, 8) < 0.3
    sealed = with_sealed_bits(stored, exact, chosen)
    assert torch.equal(sealed == stored, ~chosen)


def test_the_gradient_passes_sealed_bits():
    exact = torch.rand(1, 3, 4, 4, requires_grad=True)
    with_sealed_bits(through_8_bits(exact), exact, torch.rand(1, 3, 4, 4) < 0.5).sum().backward()
    assert torch.equal(exact.grad, torch.ones_like(exact))
