import pytest
import torch

from stegnet import ConfigError
from stegnet.models.timm_unet import BackboneUNet, TimmUNet

# The maps of mambaout are (B, H, W, C), all of test_vit's are 16 times smaller, and vgg11's first is not smaller.
BACKBONES = [
    "convnextv2_atto", "densenet121", "dla46_c", "efficientvit_b0", "ghostnet_050", "hrnet_w18_small",
    "legacy_seresnet18", "mambaout_femto", "mobilenetv4_conv_small_035", "regnety_002", "repvgg_a0",
    "seresnext26d_32x4d", "starnet_s1", "test_vit", "vgg11", "xcit_nano_12_p16_224",
]  # fmt: skip


@pytest.mark.parametrize("backbone", BACKBONES)
def test_backbones_of_many_families(backbone):
    torch.manual_seed(0)
    pair = TimmUNet(backbone, width=8)
    cover, secret = torch.rand(2, 1, 3, 40, 72)
    container = pair.hide(cover, secret)
    revealed = pair.reveal(container)
    assert container.shape == revealed.shape == cover.shape
    (container.square().mean() + revealed.square().mean()).backward()
    for net in (pair.hider, pair.revealer):
        norms = [weight.grad.norm() for weight in net.encoder.parameters() if weight.grad is not None]
        assert torch.stack(norms).isfinite().all()
        assert sum(norms) > 0


def test_the_container_is_the_cover_and_a_residual():
    pair = TimmUNet("test_resnet").eval()
    for parameter in pair.hider.last.parameters():
        torch.nn.init.zeros_(parameter)
    cover, secret = torch.rand(2, 1, 3, 32, 32)
    assert torch.equal(pair.hide(cover, secret), cover)


def test_fine_detail_bypasses_the_backbone():
    net = BackboneUNet(3, "test_resnet", pretrained=False, width=8).eval()
    flat = torch.full((1, 3, 32, 32), 0.5)
    dotted = flat.clone()
    dotted[..., 16, 16] = 1
    change = (net.detail(dotted) - net.detail(flat)).abs().sum(1)[0]
    assert change.nonzero().min() == 14
    assert change.nonzero().max() == 18


def test_a_backbone_is_required():
    with pytest.raises(ConfigError, match=r"^model.backbone: timm_unet requires one$"):
        TimmUNet("none")
