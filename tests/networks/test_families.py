"""Properties of all registered families that hide pictures."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch

from stegnet.networks import Card, Pair, build, family_names, load_pair, read_card, save_pair, weights_id

pytestmark = pytest.mark.arithmetic

SCRAMBLE = {"base": "means", "quality": 85, "block": 8, "period": 0.0}
SMALL: dict[str, dict[str, Any]] = {
    "baluja": {"width": 4},
    "costa": {"width": 6},
    "deepmih": {"blocks": 2, "width": 4},
    "hinet": {"blocks": 2, "width": 4},
    "invertible": {"blocks": 2, "width": 6},
    "stegformer": {"width": 1},
    "timm_unet": {"backbone": "test_resnet"},
    "udh": {"width": 4},
    "unet": {"width": 4},
}
# Families whose two directions use the same weights.
SHARED = {"deepmih", "hinet", "invertible"}
# Parts that hide, and parts that reveal, by default `hider` and `revealer`, or the whole pair. HiNet's last coupling
# of the secret's branch reveals alone.
SIDES = (
    ({"costa": "encoder", "deepmih": "blocks.0", "hinet": "blocks.0"}, "hider"),
    ({"costa": "decoder"}, "revealer"),
)


@pytest.fixture(params=[name for name in family_names() if name not in ("modem", "multiscale")])
def name(request):
    return request.param


@pytest.fixture
def pair(name) -> Pair:
    """A small pair with perturbed weights, since some layers start at zero."""
    torch.manual_seed(0)
    pair = build(name, **SMALL[name])
    for parameter in pair.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return pair


def pictures(height: int, width: int, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    both = torch.rand(2, count, 3, height, width, generator=torch.Generator().manual_seed(1))
    return both[0], both[1]


def hide(pair: Pair, cover: torch.Tensor, secret: torch.Tensor) -> torch.Tensor:
    return pair.hide(cover, pair.prepare(secret))


def reveal(pair: Pair, container: torch.Tensor) -> torch.Tensor:
    """From a base that is no part of the container."""
    return pair.restore(pair.enhance(container.detach().flip(-1)), pair.reveal(container))


def taught(parameters: Iterable[torch.nn.Parameter]) -> bool:
    """Returns True if all parameters have a gradient."""
    return any(value.grad is not None and value.grad.abs().sum() > 0 for value in parameters)


def test_sides_are_any_multiples_of_8(pair):
    for height, width in ((40, 56), (8, 72)):
        cover, secret = pictures(height, width)
        container = hide(pair, cover, secret)
        revealed = reveal(pair, container)
        assert container.shape == revealed.shape == cover.shape
        assert container.isfinite().all()
        assert revealed.isfinite().all()


def test_the_container_depends_on_both_pictures(pair):
    pair.eval()
    cover, secret = pictures(32, 32)
    container = hide(pair, cover, secret)
    assert not torch.equal(container, hide(pair, cover, 1 - secret))
    assert not torch.equal(container, hide(pair, 1 - cover, secret))


def test_the_gradient_reaches_every_parameter(pair):
    cover, secret = pictures(32, 32)
    container = hide(pair, cover, secret)
    loss = (container - cover).square().mean() + (reveal(pair, container) - secret).square().mean()
    loss.backward()
    gradients = {name: value.grad for name, value in pair.named_parameters()}
    assert [name for name, value in gradients.items() if value is None or not value.abs().sum() > 0] == []


def test_pictures_of_a_batch_are_independent(pair):
    pair.eval()
    cover, secret = pictures(32, 32, count=3)
    alone = reveal(pair, hide(pair, cover[1:2], secret[1:2]))
    torch.testing.assert_close(reveal(pair, hide(pair, cover, secret))[1:2], alone, rtol=1e-4, atol=1e-5)


def test_each_loss_trains_the_networks_that_it_is_of(pair, name):
    """That of the container not those that reveal, and that of the secret both."""
    parts = [names.get(name, usual if hasattr(pair, usual) else "") for names, usual in SIDES]
    hider, revealer = map(pair.get_submodule, parts)
    cover, secret = pictures(32, 32)
    (hide(pair, cover, secret) - cover).square().mean().backward()
    assert taught(hider.parameters())
    assert name in SHARED or all(value.grad is None for value in revealer.parameters())
    pair.zero_grad()
    (reveal(pair, hide(pair, cover, secret)) - secret).square().mean().backward()
    assert taught(hider.parameters()) and taught(revealer.parameters())


def test_a_weights_file_round_trip(pair, name, tmp_path):
    card = Card(name, SMALL[name], SCRAMBLE, {"b": 1, "a": 2})
    save_pair(tmp_path / "a", pair, card)
    back, read = load_pair(tmp_path / "a")
    assert read == card == read_card(tmp_path / "a")
    assert not back.training
    inputs = pictures(32, 40)
    container = hide(pair.eval(), *inputs)
    assert torch.equal(hide(back, *inputs), container)
    assert torch.equal(reveal(back, container), reveal(pair, container))
    save_pair(tmp_path / "b", pair, Card(name, SMALL[name], SCRAMBLE, {"a": 2, "b": 1}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    save_pair(tmp_path / "c", pair, Card(name, SMALL[name], SCRAMBLE, {"a": 3}))
    assert weights_id(tmp_path / "a") == weights_id(tmp_path / "b") != weights_id(tmp_path / "c")
