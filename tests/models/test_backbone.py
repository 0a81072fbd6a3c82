import pytest
import torch

from stegnet import ConfigError, WeightsError
from stegnet.models.backbone import make_encoder

ONE_SIZE = ["mixer_s32_224", "levit_128s", "botnet26t_256", "coatnet_pico_rw_224", "gcvit_xxtiny"]


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "mobilenetv3_small_050", "convnext_atto"])
def test_unused_stages_are_not_built(name):
    whole, part = make_encoder(name, 12, pretrained=False), make_encoder(name, 12, pretrained=False, levels=2)
    assert part.feature_info.reduction() == whole.feature_info.reduction()[:2]
    assert len(part.eval()(torch.rand(1, 12, 16, 24))) == 2
    sizes = [sum(parameter.numel() for parameter in encoder.parameters()) for encoder in (part, whole)]
    assert sizes[0] < sizes[1] / 4


@pytest.mark.parametrize(
    ("name", "levels", "unit"),
    [("resnet10t", None, 32), ("vit_tiny_patch16_224", 2, 16), ("swin_tiny_patch4_window7_224", None, 32),
     ("hrnet_w18_small", 2, 32), ("mobilevitv2_050", None, 64), ("pvt_v2_b0", 2, 16),
     ("maxvit_rmlp_pico_rw_256", 2, 32), ("test_byobnet", None, 32), ("mambaout_femto", None, 32),
     ("test_vit", None, 16)],
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


def test_position_embeddings_are_frozen():
    """They are resized by interpolation, whose gradient is not deterministic on CUDA."""
    positions = make_encoder("vit_tiny_patch16_224", 3, pretrained=False, levels=2).model.pos_embed
    assert not positions.requires_grad
    assert positions.std() > 0


@pytest.mark.parametrize("name", ["resnet81", "hf-hub:timm/resnet18.a1_in1k"])
def test_an_unknown_backbone_lists_close_matches(name):
    with pytest.raises(ConfigError, match=f"^model.backbone: timm has no '{name}'$") as caught:
        make_encoder(name, 3, pretrained=False)
    assert caught.value.hint.startswith("close: ")
    assert "resnet18" in caught.value.hint


@pytest.mark.parametrize("name", ONE_SIZE)
def test_a_backbone_without_feature_maps_of_any_size(name):
    with pytest.raises(ConfigError, match=rf"^model.backbone: {name} can't be used \(.+\)$") as caught:
        make_encoder(name, 3, pretrained=False)
    assert "\n" not in str(caught.value)
    assert caught.value.hint == "resnet18 can"


def test_a_backbone_whose_maps_differ_from_the_announced():
    with pytest.raises(ConfigError, match=r"its feature maps of \d+×\d+ pixels do not have the announced shapes"):
        make_encoder("crossvit_9_240", 3, pretrained=False)


@pytest.mark.parametrize("offline", [True, False])
def test_pretrained_weights_without_a_network(monkeypatch, tmp_path, offline):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)  # timm retries for a while
    with pytest.raises(WeightsError) as caught:
        make_encoder("resnet18", 3, pretrained=True)
    assert str(caught.value) == "model.pretrained: timm's weights for resnet18 can't be downloaded"
    assert caught.value.hint == "set model.pretrained to false, or connect to the network"
