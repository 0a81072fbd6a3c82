import pytest
import torch

from stegnet.core.errors import ConfigError
from stegnet.models import precision
from stegnet.models.precision import autocast, pick_device, resolve

CPU = torch.device("cpu")


@pytest.mark.parametrize(("fast", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_device_does_well(monkeypatch, fast, expected):
    monkeypatch.setattr(precision, "has_bf16", lambda device: fast)
    assert resolve("auto", CPU) == expected


@pytest.mark.parametrize("allowed", [True, False])
def test_what_the_cpu_has_and_onednn_may_not_use_is_not_fast(monkeypatch, allowed):
    """ONEDNN_MAX_CPU_ISA forbids it, say; bfloat16 is emulated then, and slow."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: allowed, raising=False)
    assert precision.has_bf16(CPU) == allowed


@pytest.mark.parametrize("wanted", ["bf16", "fp32"])
def test_what_is_asked_for_stays(monkeypatch, wanted):
    monkeypatch.setattr(precision, "has_bf16", lambda device: wanted == "fp32")
    assert resolve(wanted, CPU) == wanted


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_autocast_computes_at_that_precision(name, dtype):
    with autocast(name, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_a_device_that_is_not_there():
    assert pick_device("cpu") == CPU
    for name in ("cuda:99", "no such device"):
        with pytest.raises(ConfigError, match=f"{name}: this machine has no such device"):
            pick_device(name)


def test_a_precision_that_is_not_known():
    with pytest.raises(ConfigError, match="fp16: no such precision"):
        resolve("fp16", CPU)
