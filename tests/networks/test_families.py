"""Properties of all pairs that hide pictures, also with backbones of all kinds, and their published sizes."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch

from pipeline.train.complexity import size_of
from stegnet import ConfigError
from stegnet.core.pixels import GREY
from stegnet.networks import SHIPPED, Card, Pair, build, load_pair, read_card, save_pair, weights_id
from stegnet.networks.layers import Haar
from stegnet.networks.pair import find_family
from tests.networks.conftest import NAMES, OWN, ZOO, perturbed, pictures
from tests.support.lab import ROOT
from tests.support.printed import printed_programs

pytestmark = pytest.mark.arithmetic

SCRAMBLE = {"base": "means", "quality": 85, "block": 8, "period": 0.0}
FAMILIES = {name: (name, dict(find_family(name).small)) for name in NAMES if find_family(name).hides_pictures}
# Backbones: convolutions, a batch norm, one size of maps, and maps that are (B, H, W, C).
KINDS = ("test_convnext", "test_resnet", "test_vit", "mambaout_femto")
COUPLINGS = {"blocks": 1, "width": 4, "ends": 2, "place": "ends+couplings"}
WITH_COUPLINGS = {f"invertible {kind}": ("invertible", COUPLINGS | {"backbone": kind}) for kind in KINDS}
WITH_BACKBONES = {f"timm_unet {kind}": ("timm_unet", {"width": 4, "backbone": kind}) for kind in KINDS}
CASES = FAMILIES | WITH_COUPLINGS | WITH_BACKBONES
# Families whose two directions use the same weights.
SHARED = {name: CASES[name] for name in ("study.zoo.hinet:DeepMIH", "study.zoo.hinet:HiNet", *WITH_COUPLINGS)}
PUBLISHED = {name: size for name in NAMES if (size := find_family(name).published)}
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("costa", {"blocks": 1}, "model.blocks: must be 2 or more", ""),
    ("costa", {"place": "base + latent"}, "unknown place 'latent'", "known: base, secret, joined by +"),
    ("invertible", {"place": "ends+middle"}, "unknown place 'middle'", "known: ends, couplings, latent, joined by +"),
    ("invertible", {"ends": 1}, "model.ends: must be 0, or 2 and more", ""),
]


def over(cases: dict[str, Any]) -> pytest.MarkDecorator:
    """A test with each of these, not with each family only."""
    return pytest.mark.parametrize("case", cases.values(), ids=cases)


@pytest.fixture(params=FAMILIES.values(), ids=[*FAMILIES])
def case(request) -> tuple[str, dict[str, Any]]:
    """The name of a family, and its options."""
    return request.param


@pytest.fixture
def pair(case) -> Pair:
    name, options = case
    return perturbed(name, **options)


def hide(pair: Pair, cover: torch.Tensor, secret: torch.Tensor) -> torch.Tensor:
    return pair.hide(cover, pair.prepare(secret))


def reveal(pair: Pair, container: torch.Tensor) -> torch.Tensor:
    """From a base that is no part of the container."""
    return pair.restore(pair.enhance(container.detach().flip(-1)), pair.reveal(container))


def passed(blocks: Iterable[Any], *branches: torch.Tensor) -> tuple[torch.Tensor, ...]:
    for block in blocks:
        branches = block(*branches)
    return branches


def inverted(blocks: Any, *branches: torch.Tensor) -> tuple[torch.Tensor, ...]:
    for block in reversed(blocks):
        branches = block.inverse(*branches)
    return branches


@over(CASES)
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


@over(CASES)
def test_the_gradient_reaches_every_parameter(pair):
    cover, secret = pictures(32, 32)
    container = hide(pair, cover, secret)
    loss = (container - cover).square().mean() + (reveal(pair, container) - secret).square().mean()
    loss.backward()
    gradients = {name: value.grad for name, value in pair.named_parameters() if value.requires_grad}
    assert [name for name, value in gradients.items() if value is None or not 0 < value.abs().sum() < torch.inf] == []


def test_pictures_of_a_batch_are_independent(pair):
    pair.eval()
    cover, secret = pictures(32, 32, count=3)
    alone = reveal(pair, hide(pair, cover[1:2], secret[1:2]))
    torch.testing.assert_close(reveal(pair, hide(pair, cover, secret))[1:2], alone, rtol=1e-4, atol=1e-5)


def test_a_weights_file_round_trip(pair, case, tmp_path, monkeypatch):
    name, options = case
    monkeypatch.setenv("STEGNET_NETWORK", name)
    card = Card(name, options, SCRAMBLE, {"b": 1, "a": 2})
    save_pair(tmp_path / "a", pair, card)
    back, read = load_pair(tmp_path / "a")
    assert read == card == read_card(tmp_path / "a")
    assert not back.training
    inputs = pictures(32, 40)
    container = hide(pair.eval(), *inputs)
    assert torch.equal(hide(back, *inputs), container)
    assert torch.equal(reveal(back, container), reveal(pair, container))
    save_pair(tmp_path / "b", pair, Card(name, options, SCRAMBLE, {"a": 2, "b": 1}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    save_pair(tmp_path / "c", pair, Card(name, options, SCRAMBLE, {"a": 3}))
    assert weights_id(tmp_path / "a") == weights_id(tmp_path / "b") != weights_id(tmp_path / "c")


@over(CASES)
def test_the_container_is_computed_in_32_bits(pair):
    cover, secret = pictures(32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        container = hide(pair, cover, secret - 0.5)
        assert container.dtype == pair.reveal(container).dtype == torch.float32


@over(SHARED)
def test_untrained_it_does_not_change_the_cover(case):
    cover, secret = pictures()
    name, options = case
    fresh = build(name, **options).eval()
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(hide(fresh, cover, secret), cover, rtol=0, atol=1e-6)
    assert fresh.reveal(cover).std() == 0


@over(SHARED)
def test_hiding_is_the_forward_pass_and_revealing_its_inverse(pair):
    """HiNet drops a branch and reveals from zero; a mixing solves for one picture, and tells of both."""
    pair.eval()
    cover, secret = pictures()
    haar, mixing = Haar(), getattr(pair, "mixing", None)
    grey = 0 if mixing else GREY / 255
    first, second = haar(cover), haar(secret + grey)
    kept, lost = passed(pair.blocks, first, second)
    assert min((kept - first).abs().mean(), (lost - second).abs().mean()) > 0.001
    container = pair.hide(cover, secret)
    torch.testing.assert_close(haar(container), mixing(kept, lost) if mixing else kept, rtol=0, atol=1e-5)
    for exact, branch in zip(inverted(pair.blocks, kept, lost), (first, second), strict=True):
        torch.testing.assert_close(exact, branch, rtol=0, atol=1e-4)
    start = mixing.inverse(haar(container)) if mixing else torch.zeros_like(lost)
    _, found = inverted(pair.blocks, haar(container), start)
    torch.testing.assert_close(pair.reveal(container), haar.inverse(found) - grey, rtol=0, atol=1e-5)


def test_the_page_s_own_network_is_among_them():
    assert OWN in FAMILIES


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_the_published_ones(name):
    with torch.device("meta"):
        size = size_of(build(name).to("meta"), 256)
    assert tuple(size.values()) == PUBLISHED[name]


def test_the_sizes_of_the_zoo_are_known():
    """A class that says none is not compared."""
    assert PUBLISHED.keys() >= ZOO


def test_the_size_of_the_shipped_pair_is_that_of_the_manual():
    """In docs/training.md: 5.5 kMAC a pixel to hide and 16 to reveal."""
    assert tuple(size_of(load_pair(SHIPPED)[0]).values()) == (68_952, 5_656, 16_532)


def test_the_manual_s_program_goes_through_the_shipped_pair():
    (program,) = (each for each in printed_programs(ROOT / "docs" / "python.md") if "load_pair" in each.text)
    names: dict[str, Any] = {}
    exec(program.text, names)
    assert names["cover"].grad.abs().sum() > 0


@pytest.mark.parametrize(("name", "options", "told", "hint"), REFUSED)
def test_what_a_pair_can_not_be_is_refused(name, options, told, hint):
    with pytest.raises(ConfigError, match=told) as caught:
        build(name, **options)
    assert caught.value.hint == hint or not hint
