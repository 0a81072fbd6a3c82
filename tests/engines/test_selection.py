import shutil
from pathlib import Path

import pytest
import torch

from stegnet.core.card import SHIPPED, weights_id
from stegnet.core.errors import ConfigError, WeightsError
from stegnet.engines import load_engine, selection


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(selection, "_has_cuda", lambda: False)


@pytest.fixture
def no_torch(monkeypatch, no_gpu):
    monkeypatch.setattr(selection, "find_spec", lambda name: None)


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_an_explicit_backend_is_used(backend):
    engine = load_engine(SHIPPED, backend, "cpu")
    assert (engine.backend, str(engine.device)) == (backend, "cpu")


def test_exported_weights_run_in_onnx_runtime_on_a_cpu(no_gpu):
    assert load_engine(SHIPPED).backend == "onnx"


@pytest.mark.parametrize(("device", "precision"), [("cpu", "bf16"), ("auto", "bf16")])
def test_bfloat16_selects_pytorch(no_gpu, device, precision):
    engine = load_engine(SHIPPED, "auto", device, precision)
    assert (engine.backend, engine.precision) == ("torch", "bf16")


def test_a_gpu_selects_pytorch(monkeypatch):
    monkeypatch.setattr(selection, "_has_cuda", lambda: True)
    assert load_engine(SHIPPED).backend == "torch"
    assert load_engine(SHIPPED, device="cpu").backend == "onnx"


def test_weights_without_onnx_files_run_in_pytorch(weights, no_gpu):
    assert load_engine(weights).backend == "torch"


def test_cuda_is_detected_by_pytorch(monkeypatch):
    monkeypatch.setattr(selection, "_can_load", lambda library: True)
    assert selection._has_cuda() == torch.cuda.is_available()
    monkeypatch.setattr(selection, "_can_load", lambda library: False)
    assert not selection._has_cuda()


@pytest.mark.parametrize("backend", ["auto", "onnx"])
def test_onnx_files_are_required_without_pytorch(weights, no_torch, backend):
    with pytest.raises(WeightsError, match="no ONNX files next to it") as caught:
        load_engine(weights, backend)
    assert f"`stegnet export {weights}`" in caught.value.hint


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"backend": "abacus"}, "backend: must be one of auto, torch, onnx, is 'abacus'"),
        ({"precision": "fp64"}, "precision: must be one of auto, bf16, fp32, is 'fp64'"),
        ({"backend": "onnx", "device": "cuda"}, "backend onnx runs on the CPU only, not on cuda"),
        ({"backend": "onnx", "precision": "bf16"}, "backend onnx supports fp32 only, not bf16"),
    ],
)
def test_invalid_combinations(settings, told):
    with pytest.raises(ConfigError, match=told):
        load_engine(SHIPPED, **settings)


def shipped_copy(folder: Path) -> Path:
    for path in SHIPPED.parent.iterdir():
        shutil.copy(path, folder)
    return folder / SHIPPED.name


def test_onnx_files_of_other_weights_are_refused(tmp_path, weights):
    copied = shipped_copy(tmp_path)
    copied.write_bytes(weights.read_bytes())
    with pytest.raises(WeightsError, match=r"was not exported from default\.safetensors"):
        load_engine(copied, "onnx")


def test_the_whole_weights_id_is_compared(tmp_path, monkeypatch):
    """ONNX files of other weights would silently give wrong results."""
    own, copied = weights_id(SHIPPED), shipped_copy(tmp_path)
    for place in (0, 8, 63):
        other = own[:place] + ("0" if own[place] != "0" else "1") + own[place + 1 :]
        monkeypatch.setattr("stegnet.engines.onnx_engine.weights_id", lambda path, other=other: other)
        with pytest.raises(WeightsError, match=r"was not exported from default\.safetensors"):
            load_engine(copied, "onnx")


@pytest.mark.parametrize("text", [b"", b"not ONNX", b"\x08\x0a"])
@pytest.mark.parametrize("network", ["hide", "reveal"])
def test_damaged_onnx_files_are_refused(tmp_path, network, text):
    copied = shipped_copy(tmp_path)
    (tmp_path / f"default.{network}.onnx").write_bytes(text)
    with pytest.raises(WeightsError, match=f"default.{network}.onnx: can't be read as ONNX"):
        load_engine(copied, "onnx")


def test_a_missing_onnx_file_is_named(tmp_path):
    copied = shipped_copy(tmp_path)
    (tmp_path / "default.reveal.onnx").unlink()
    with pytest.raises(WeightsError, match=r"default\.safetensors: no ONNX files next to it"):
        load_engine(copied, "onnx")
