import pytest
import torch

from stegnet import ConfigError
from stegnet.core.compute import autocast, has_bf16, make_deterministic, pick_device, resolve

CPU = torch.device("cpu")


def test_auto_is_the_fast_precision(monkeypatch):
    """bfloat16 that is disabled in oneDNN, for instance by ONEDNN_MAX_CPU_ISA, is emulated, which is slow."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    for allowed, expected in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(
            torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda allowed=allowed: allowed, raising=False
        )
        assert has_bf16(CPU) == allowed
        assert resolve("auto", CPU) == expected


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_autocast(name, dtype):
    with autocast(name, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_a_missing_device():
    assert pick_device("cpu") == CPU
    for name in ("cuda:99", "no such device"):
        with pytest.raises(ConfigError, match=f"{name}: this machine has no such device"):
            pick_device(name)


def test_the_seed_determines_random_numbers():
    make_deterministic(4, 1)
    first = torch.rand(3)
    make_deterministic(4, 1)
    assert torch.equal(torch.rand(3), first)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1
