"""What every family promises, for all of them that are registered."""

import pytest
import torch

from stegnet.models import Card, Pair, build, load_pair, names, read_card, save_pair, weights_id

SCRAMBLE = {"detail": True, "block": 8}
SMALL = {
    "baluja": {"width": 4},
    "invertible": {"blocks": 2, "width": 6},
    "timm_unet": {"backbone": "test_resnet"},
}
SHARED = {"invertible"}  # families whose two directions use the same weights


@pytest.fixture(params=names())
def name(request):
    return request.param


@pytest.fixture
def pair(name) -> Pair:
    """A small one, moved off its first values: layers may start at zero."""
    torch.manual_seed(0)
    pair = build(name, **SMALL[name])
    for parameter in pair.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return pair


def pictures(height: int, width: int, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    both = torch.rand(2, count, 3, height, width, generator=torch.Generator().manual_seed(1))
    return both[0], both[1]


@pytest.mark.parametrize(("height", "width"), [(32, 32), (40, 56), (8, 72), (64, 24)])
def test_sides_are_any_multiples_of_8(pair, height, width):
    cover, secret = pictures(height, width)
    container = pair.hide(cover, secret)
    revealed = pair.reveal(container)
    assert container.shape == revealed.shape == cover.shape
    assert container.isfinite().all()
    assert revealed.isfinite().all()


def test_the_container_depends_on_both_pictures(pair):
    pair.eval()
    cover, secret = pictures(32, 32)
    container = pair.hide(cover, secret)
    assert not torch.equal(container, pair.hide(cover, 1 - secret))
    assert not torch.equal(container, pair.hide(1 - cover, secret))


def test_the_gradient_reaches_every_parameter(pair):
    cover, secret = pictures(32, 32)
    container = pair.hide(cover, secret)
    loss = (container - cover).square().mean() + (pair.reveal(container) - secret).square().mean()
    loss.backward()
    gradients = {name: value.grad for name, value in pair.named_parameters()}
    assert [name for name, value in gradients.items() if value is None or not value.abs().sum() > 0] == []


def test_a_picture_does_not_depend_on_its_batch(pair):
    pair.eval()
    cover, secret = pictures(32, 32, count=3)
    alone = pair.reveal(pair.hide(cover[1:2], secret[1:2]))
    torch.testing.assert_close(pair.reveal(pair.hide(cover, secret))[1:2], alone, rtol=1e-4, atol=1e-5)


def test_the_container_term_teaches_no_network_that_only_reveals(pair, name):
    if name in SHARED:
        pytest.skip("one network hides and reveals")
    cover, secret = pictures(32, 32)
    (pair.hide(cover, secret) - cover).square().mean().backward()
    assert all(value.grad is None for value in pair.revealer.parameters())
    assert any(value.grad is not None for value in pair.parameters())


def test_the_weights_file_brings_the_same_pair_back(pair, name, tmp_path):
    card = Card(name, SMALL[name], SCRAMBLE, {"seed": 3}, {"container_psnr": 40.5})
    save_pair(tmp_path / "a", pair, card)
    back, read = load_pair(tmp_path / "a")
    assert read == card == read_card(tmp_path / "a")
    assert not back.training
    inputs = pictures(32, 40)
    container = pair.eval().hide(*inputs)
    assert torch.equal(back.hide(*inputs), container)
    assert torch.equal(back.reveal(container), pair.reveal(container))


def test_the_same_pair_gives_the_same_file(pair, name, tmp_path):
    card = Card(name, SMALL[name], SCRAMBLE, {"b": 1, "a": 2})
    save_pair(tmp_path / "a", pair, card)
    save_pair(tmp_path / "b", pair, Card(name, SMALL[name], SCRAMBLE, {"a": 2, "b": 1}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    save_pair(tmp_path / "c", pair, Card(name, SMALL[name], SCRAMBLE, {"a": 3}))
    assert weights_id(tmp_path / "a") == weights_id(tmp_path / "b") != weights_id(tmp_path / "c")


def test_channels_last_makes_no_difference(pair):
    pair.eval()
    cover, secret = pictures(32, 40)
    expected = pair.hide(cover, secret)
    pair.to(memory_format=torch.channels_last)
    inputs = [picture.contiguous(memory_format=torch.channels_last) for picture in (cover, secret)]
    torch.testing.assert_close(pair.hide(*inputs), expected, rtol=1e-4, atol=1e-5)
