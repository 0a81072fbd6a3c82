"""SteganoGAN: its size, its critic, whose gradient is reversed, and the refusal of its weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pipeline.evaluate.prediction_quality import load_network
from pipeline.train.complexity import size_of
from pipeline.video import main as show_films
from stegnet import Session, WeightsError
from stegnet.cli import main
from stegnet.networks import SHIPPED_MODEM, Card, build, load_pair, save_pair
from stegnet.networks.card import kind_of
from stegnet.networks.families.steganogan import SteganoGAN
from tests.support.lab import PARAMS, load

pytestmark = pytest.mark.arithmetic

SMALL = {"blocks": 2, "width": 4}
REFUSED = "error: {}: no method hides with steganogan, which is for comparison alone"
HINT = "hint: take weights of a pair, a modem or `multiscale`"
SCRAMBLE = {"base": "none", "quality": 85, "block": 8, "period": 0.0}


@pytest.fixture
def pair() -> SteganoGAN:
    torch.manual_seed(0)
    made = build("steganogan", **SMALL)
    assert isinstance(made, SteganoGAN)
    return made


def inputs(height: int = 24, width: int = 32, count: int = 2) -> tuple[Tensor, Tensor]:
    """Covers, and bits to hide in them."""
    random = torch.Generator().manual_seed(1)
    covers = torch.rand(count, 3, height, width, generator=random)
    return covers, torch.randint(2, (count, 2, height, width), generator=random).float()


@pytest.mark.parametrize("depth", [1, 6])
def test_the_size_is_that_of_the_public_code(depth: int):
    """Counted by hand from the layers of DAI-Lab/SteganoGAN (DenseEncoder, DenseDecoder, BasicCritic), 32 channels."""
    encoder = 9 * (3 * 32 + (32 + depth) * 32 + (64 + depth) * 32 + (96 + depth) * 3)
    decoder = 9 * (3 * 32 + 32 * 32 + 64 * 32 + 96 * depth)
    critic = 9 * (3 * 32 + 32 * 32 + 32 * 32 + 32 * 1)
    biases = (3 * 32 + 3) + (3 * 32 + depth) + (3 * 32 + 1)
    batch_norms = 3 * 3 * 2 * 32
    size = size_of(build("steganogan", blocks=depth))
    assert size["parameters"] == encoder + decoder + critic + biases + batch_norms
    assert (size["hide_macs_per_pixel"], size["reveal_macs_per_pixel"]) == (encoder, decoder)


def test_any_sides_and_each_picture_by_itself(pair):
    pair.eval()
    for height, width in ((40, 56), (8, 72)):
        covers, bits = inputs(height, width, count=3)
        containers = pair.hide(covers, bits)
        revealed = pair.reveal(containers)
        assert containers.shape == covers.shape
        assert revealed.shape == bits.shape
        alone = pair.hide(covers[1:2], bits[1:2])
        torch.testing.assert_close(containers[1:2], alone, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(revealed[1:2], pair.reveal(alone), rtol=1e-4, atol=1e-5)


def test_the_container_depends_on_cover_and_each_plane_of_bits(pair):
    pair.eval()
    covers, bits = inputs()
    container = pair.hide(covers, bits)
    assert not torch.equal(container - covers, pair.hide(1 - covers, bits) - (1 - covers))
    for plane in range(2):
        flipped = bits.clone()
        flipped[:, plane] = 1 - flipped[:, plane]
        assert not torch.equal(container, pair.hide(covers, flipped))


def test_later_convolutions_see_the_outputs_of_all_before(pair):
    """Without the last two convolutions' weights for the first one's outputs, the result is another."""
    pair.eval()
    covers, _ = inputs()
    for convolution in (pair.decoder.blocks[2][0], pair.decoder.last):
        before = pair.reveal(covers)
        with torch.no_grad():
            convolution.weight[:, :4] = 0
        assert not torch.equal(before, pair.reveal(covers))


def test_pictures_are_centred_inside(pair):
    """Of a cover that is 0.5 everywhere, the networks see zeros; a change is half as large as in [−1, 1]."""
    pair.eval()
    grey = torch.full((1, 3, 16, 16), 0.5)
    bits = torch.ones(1, 2, 16, 16)
    torch.testing.assert_close(pair.hide(grey, bits) - grey, pair.encoder(torch.zeros_like(grey), bits) / 2)
    assert torch.equal(pair.reveal(grey), pair.decoder(torch.zeros_like(grey)))


def gradients(pair: SteganoGAN, loss: Tensor) -> dict[str, Tensor]:
    pair.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in pair.named_parameters() if weight.grad is not None}


def test_one_gradient_trains_critic_and_encoder_by_their_own_losses(pair):
    """The critic by C(X) − C(E(X, M)), the encoder by C(E(X, M)): each as if trained alone."""
    pair.eval()  # batch norms of fixed statistics
    covers, bits = inputs()

    def score(pictures: Tensor) -> Tensor:
        return pair.critic(2 * pictures - 1).mean()

    containers = pair.hide(covers, bits)
    penalty = pair.penalty(covers, containers)
    torch.testing.assert_close(penalty, score(covers) - score(containers))
    both = gradients(pair, penalty)
    critics = gradients(pair, score(covers) - score(pair.hide(covers, bits).detach()))
    encoders = gradients(pair, score(pair.hide(covers, bits)))
    assert both.keys() == {name for name in dict(pair.named_parameters()) if not name.startswith("decoder.")}
    for name, gradient in both.items():
        wanted = critics if name.startswith("critic.") else encoders
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-4, atol=1e-7)
    for name in ("critic.0.0.weight", "encoder.last.weight"):
        assert both[name].abs().max() > 1e-4


def test_the_critic_alone_is_clamped(pair):
    before = {name: weight.clone() for name, weight in pair.named_parameters()}
    pair.clamp_critic()
    for name, weight in pair.named_parameters():
        wanted = before[name].clamp(-0.1, 0.1) if name.startswith("critic.") else before[name]
        assert torch.equal(weight, wanted)
    assert max(weight.abs().max() for weight in pair.critic.parameters()) == torch.tensor(0.1)


def test_a_weights_file_round_trip(pair, tmp_path):
    save_pair(tmp_path / "a", pair, Card("steganogan", SMALL, SCRAMBLE))
    back, card = load_pair(tmp_path / "a")
    assert card.options == SMALL
    covers, bits = inputs()
    container = pair.eval().hide(covers, bits)
    assert torch.equal(back.hide(covers, bits), container)
    assert torch.equal(back.reveal(container), pair.reveal(container))


@pytest.fixture
def weights(pair, tmp_path) -> Path:
    path = tmp_path / "pair.safetensors"
    save_pair(path, pair, Card("steganogan", SMALL, SCRAMBLE))
    return path


def test_no_method_uses_its_weights(weights, key, tmp_path, capsys):
    for name, level in (("cover", 90), ("secret", 160)):
        Image.fromarray(np.full((64, 64, 3), (level, 128, 128), np.uint8)).save(tmp_path / f"{name}.png")
    assert main(["keygen", str(tmp_path / "k")]) == 0
    with_key = ["--key-file", str(tmp_path / "k")]
    cover, secret, out = (str(tmp_path / f"{name}.png") for name in ("cover", "secret", "out"))
    hide = ["hide", cover, secret, *with_key, "-o", out]
    for command in (hide, [*hide, "--method", "network", "--any-quality"], ["reveal", cover, *with_key, "-o", out]):
        capsys.readouterr()
        assert main([*command, "--weights", str(weights)]) == 1
        assert capsys.readouterr().err.splitlines() == [REFUSED.format(weights), HINT]
    assert main(["export", str(weights)]) == 1
    assert capsys.readouterr().err.splitlines() == [REFUSED.format(weights), HINT]
    assert not Path(out).exists()
    with pytest.raises(WeightsError, match="no method hides with steganogan"):
        Session(weights=weights).hide(cover, secret, out, key=key, method="network")


@pytest.mark.parametrize("family", ["steganogan", "modem"])
def test_no_stage_takes_what_hides_bits_for_a_pair(weights, family, tmp_path):
    file = {"steganogan": weights, "modem": SHIPPED_MODEM}[family]
    assert kind_of(file) == family
    with pytest.raises(WeightsError, match="its network hides bits, and no pictures"):
        load_network(file)
    with pytest.raises(WeightsError, match="its network hides bits, and no pictures"):
        show_films(load(PARAMS), file, tmp_path / "cover.mkv", tmp_path / "secret.mkv", tmp_path / "out")
