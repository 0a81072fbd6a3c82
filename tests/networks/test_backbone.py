"""Backbones by timm: what is refused, and what their maps are like; that pairs learn with them: test_families.py."""

import re

import pytest
import torch

from stegnet import ConfigError, WeightsError
from stegnet.networks import Card, build, load_pair, save_pair
from stegnet.networks.layers import has_batch_norms, make_encoder, make_stage, synchronise_batch_norms


@pytest.mark.parametrize(
    ("name", "levels", "unit"),
    [("resnet10t", None, 32), ("vit_tiny_patch16_224", 2, 16), ("mobilevitv2_050", None, 64),
     ("mambaout_femto", None, 32), ("test_vit", None, 16)],
)  # fmt: skip
def test_maps_have_the_announced_shapes_at_any_multiples_of_the_unit(name, levels, unit):
    encoder = make_encoder(name, 3, pretrained=False, levels=levels).eval()
    assert encoder.unit == unit
    with torch.no_grad():
        maps = encoder(torch.rand(2, 3, 3 * unit, 2 * unit))
    strides, channels = encoder.feature_info.reduction(), encoder.feature_info.channels()
    assert strides == sorted(strides)
    shapes = [(count, 3 * unit // step, 2 * unit // step) for count, step in zip(channels, strides, strict=True)]
    assert [tuple(level.shape[1:]) for level in maps] == shapes


@pytest.mark.parametrize("name", ["convnext_atto", "mobilenetv4_conv_small", "regnetx_002", "resnet18", "hgnetv2_b0"])
def test_a_stage_keeps_every_position(name):
    """Its output at a position changes with the input there, and not with one far away."""
    stage = make_stage(name, 5, pretrained=False).eval()
    for parameter in stage.parameters():
        parameter.data += 0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
    (channels,), picture = stage.feature_info.channels(), torch.rand(2, 5, 37, 51)
    changed = picture.clone()
    changed[:, :, 20, 30] += 1
    with torch.no_grad():
        (before,), (after,) = stage(picture), stage(changed)
    assert before.shape == (2, channels, 37, 51)
    assert not torch.equal(before[:, :, 20, 30], after[:, :, 20, 30])
    torch.testing.assert_close(before[..., :5], after[..., :5])


@pytest.mark.parametrize("name", ["edgenext_xx_small", "swin_tiny_patch4_window7_224"])
def test_a_stem_that_can_t_run_at_stride_1_is_refused(name):
    with pytest.raises(ConfigError, match=f"^model.backbone: {name} can't keep every position") as caught:
        make_stage(name, 3, pretrained=False)
    assert "mobilenetv4_conv_small" in caught.value.hint


def test_synchronised_batch_norms_keep_weights_and_activations():
    """timm's batch norms include an activation. In training, they need several GPUs."""
    stage, picture = make_stage("test_resnet", 3, pretrained=False).eval(), torch.rand(2, 3, 16, 24)
    with torch.no_grad():
        before, weights = stage(picture)[0], stage.state_dict()
        synchronise_batch_norms(stage)
        assert torch.equal(stage(picture)[0], before)
    assert stage.state_dict().keys() == weights.keys()
    norms = [module for module in stage.modules() if has_batch_norms(module) and not list(module.children())]
    assert norms and all(isinstance(module, torch.nn.SyncBatchNorm) for module in norms)
    assert not has_batch_norms(make_stage("convnext_atto", 3, pretrained=False))


def test_position_embeddings_are_frozen():
    """They are resized by interpolation, whose gradient is not deterministic on CUDA."""
    positions = make_encoder("vit_tiny_patch16_224", 3, pretrained=False, levels=2).model.pos_embed
    assert not positions.requires_grad
    assert positions.std() > 0


@pytest.mark.parametrize(
    ("name", "reason", "hint"),
    [
        ("resnet81", "timm has no 'resnet81'$", "close: .*resnet18"),
        ("hf-hub:timm/resnet18.a1_in1k", "timm has no 'hf-hub:timm/resnet18.a1_in1k'$", "close: .*resnet18"),
        ("mixer_s32_224", r"mixer_s32_224 can't be used \([^\n]+\)$", "resnet18 can"),
        ("levit_128s", r"levit_128s can't be used \([^\n]+\)$", "resnet18 can"),
        ("crossvit_9_240", r".*its feature maps of \d+×\d+ pixels do not have the announced shapes", "resnet18 can"),
    ],
)
def test_what_can_t_be_used_is_refused(name, reason, hint):
    with pytest.raises(ConfigError, match=f"^model.backbone: {reason}") as caught:
        make_encoder(name, 3, pretrained=False)
    assert re.match(hint, caught.value.hint)


def test_pretrained_weights_without_a_network(monkeypatch, tmp_path):
    """To load a pair's own weights needs none."""
    there = {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": True}
    for name, value in there.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    with pytest.raises(WeightsError) as caught:
        make_encoder("resnet18", 3, pretrained=True)
    assert str(caught.value) == "model.pretrained: timm's weights for resnet18 can't be downloaded"
    assert caught.value.hint == "set model.pretrained to false, or connect to the network"
    card = Card("timm_unet", {"backbone": "test_resnet", "pretrained": True}, {})
    save_pair(tmp_path / "w", build("timm_unet", backbone="test_resnet"), card)
    assert load_pair(tmp_path / "w")[1] == card
