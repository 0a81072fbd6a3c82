import pytest
import torch

from stegnet.core.errors import ConfigError, WeightsError
from stegnet.models.backbone import make_encoder

ONE_SIZE = ["mixer_s32_224", "nest_tiny", "levit_128s", "botnet26t_256"]


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_byobnet", "mambaout_femto", "test_vit"])
def test_feature_maps_have_the_announced_shapes(name):
    encoder = make_encoder(name, 6, pretrained=False).eval()
    side = 2 * max(encoder.feature_info.reduction())
    with torch.inference_mode():
        maps = encoder(torch.rand(2, 6, side, 2 * side))
    strides = encoder.feature_info.reduction()
    sizes = [(side // stride, 2 * side // stride) for stride in strides]
    assert strides == sorted(strides)
    assert [(level.shape[1], level.shape[2:]) for level in maps] == [
        *zip(encoder.feature_info.channels(), sizes, strict=True)
    ]


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
     ("maxvit_rmlp_pico_rw_256", 2, 32)],
)  # fmt: skip
def test_sides_are_multiples_of_the_unit(name, levels, unit):
    encoder = make_encoder(name, 3, pretrained=False, levels=levels).eval()
    assert encoder.unit == unit
    with torch.no_grad():
        maps = encoder(torch.rand(1, 3, 3 * unit, 2 * unit))
    strides = encoder.feature_info.reduction()
    assert [level.shape[2:] for level in maps] == [(3 * unit // stride, 2 * unit // stride) for stride in strides]


def test_position_embeddings_are_frozen():
    """They are resized by interpolation, whose gradient is not deterministic on CUDA."""
    positions = make_encoder("vit_tiny_patch16_224", 3, pretrained=False, levels=2).model.pos_embed
    assert not positions.requires_grad
    assert positions.std() > 0


def test_an_unknown_backbone_lists_close_matches():
    with pytest.raises(ConfigError, match=r"^model.backbone: timm has no 'resnet81'$") as caught:
        make_encoder("resnet81", 3, pretrained=False)
    assert caught.value.hint.startswith("close: ")
    assert "resnet18" in caught.value.hint


@pytest.mark.parametrize("name", ONE_SIZE)
def test_a_backbone_without_feature_maps_of_any_size(name):
    with pytest.raises(ConfigError, match=rf"^model.backbone: {name} can't be used \(.+\)$"):
        make_encoder(name, 3, pretrained=False)


def test_a_backbone_whose_maps_differ_from_the_announced():
    with pytest.raises(ConfigError, match=r"its feature maps of \d+×\d+ pixels do not have the announced shapes"):
        make_encoder("crossvit_9_240", 3, pretrained=False)


def test_pretrained_weights_in_offline_mode(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    check_no_download()


def test_pretrained_weights_without_a_network(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)  # timm retries for a while
    check_no_download()


def check_no_download() -> None:
    with pytest.raises(WeightsError) as caught:
        make_encoder("resnet18", 3, pretrained=True)
    assert str(caught.value) == "model.pretrained: timm's weights for resnet18 can't be downloaded"
    assert caught.value.hint == "set model.pretrained to false, or connect to the network"
