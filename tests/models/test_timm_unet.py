import pytest
import torch

from stegnet.errors import ConfigError, WeightsError
from stegnet.models.timm_unet import TimmUNet, UNet

BACKBONES = ["resnet18", "convnextv2_atto", "mobilenetv4_conv_small", "edgenext_xx_small", "test_efficientnet"]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_backbones_of_many_families(backbone):
    net = UNet(6, backbone, pretrained=False, width=8).eval()
    with torch.inference_mode():
        out = net(torch.rand(1, 6, 64, 72))
    assert out.shape == (1, 3, 64, 72)
    assert out.isfinite().all()


def test_the_container_is_the_cover_and_a_residual():
    pair = TimmUNet("test_resnet").eval()
    for parameter in pair.hider.last.parameters():
        torch.nn.init.zeros_(parameter)
    cover, secret = torch.rand(2, 1, 3, 32, 32)
    assert torch.equal(pair.hide(cover, secret), cover)


def test_fine_detail_passes_beside_the_backbone():
    net = UNet(3, "test_resnet", pretrained=False, width=8).eval()
    flat = torch.full((1, 3, 32, 32), 0.5)
    dotted = flat.clone()
    dotted[..., 16, 16] = 1
    change = (net.detail(dotted) - net.detail(flat)).abs().sum(1)[0]
    assert change[14:19, 14:19].sum() == change.sum() > 0


def test_an_unknown_backbone_lists_close_ones():
    with pytest.raises(ConfigError, match=r"model.backbone: timm has no 'resnet81'") as caught:
        TimmUNet("resnet81")
    assert caught.value.hint.startswith("close: ")
    assert "resnet18" in caught.value.hint


@pytest.mark.parametrize("backbone", ["mixer_s32_224", "swin_tiny_patch4_window7_224", "vit_tiny_patch16_224"])
def test_a_backbone_without_feature_maps_of_any_size(backbone):
    with pytest.raises(ConfigError, match=f"^model.backbone: {backbone} can't be used") as caught:
        TimmUNet(backbone)
    assert "\n" not in str(caught.value)


def test_pretrained_weights_that_do_not_exist():
    with pytest.raises(ConfigError, match=r"resnet18.unheard_of can't be used \(Invalid pretrained tag"):
        TimmUNet("resnet18.unheard_of", pretrained=True)


def test_pretrained_weights_in_offline_mode(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    check_no_download()


def test_pretrained_weights_without_a_network(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)  # it tries again for a while
    check_no_download()


def check_no_download() -> None:
    with pytest.raises(WeightsError) as caught:
        TimmUNet("resnet18", pretrained=True)
    assert str(caught.value) == "model.pretrained: timm's weights for resnet18 can't be downloaded"
    assert caught.value.hint == "set model.pretrained to false, or connect to the network"
