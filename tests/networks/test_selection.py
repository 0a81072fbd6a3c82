import shutil
from pathlib import Path

import pytest

from stegnet import ConfigError, WeightsError
from stegnet.networks import SHIPPED, engines, load_engine


def test_the_backend_is_as_asked_for_or_what_suits(monkeypatch, weights):
    """Without a GPU, exported weights run in ONNX Runtime on the CPU; with one, or for bfloat16, in PyTorch."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for settings, expected in (
        ({"backend": "torch", "device": "cpu"}, "torch"),
        ({"backend": "onnx", "device": "cpu"}, "onnx"),
        ({}, "onnx"),
        ({"precision": "bf16"}, "torch"),
        ({"precision": "bf16", "device": "cpu"}, "torch"),
        ({"weights": weights}, "torch"),  # they have no ONNX files
    ):
        engine = load_engine(**{"weights": SHIPPED} | settings)
        assert (engine.backend, str(engine.device)) == (expected, "cpu")
        assert engine.precision == settings.get("precision", engine.precision)


def test_onnx_files_are_required_without_pytorch(weights, monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    for backend in ("auto", "onnx"):
        with pytest.raises(WeightsError, match="no ONNX files next to it") as caught:
            load_engine(weights, backend)
        assert f"`stegnet export {weights}`" in caught.value.hint


def test_invalid_combinations():
    for settings, told in (
        ({"backend": "abacus"}, "backend: must be one of auto, torch, onnx, is 'abacus'"),
        ({"precision": "fp64"}, "precision: must be one of auto, bf16, fp32, is 'fp64'"),
        ({"backend": "onnx", "device": "cuda"}, "backend onnx runs on the CPU only, not on cuda"),
        ({"backend": "onnx", "precision": "bf16"}, "backend onnx supports fp32 only, not bf16"),
    ):
        with pytest.raises(ConfigError, match=told):
            load_engine(SHIPPED, **settings)


def shipped_copy(folder: Path) -> Path:
    for path in SHIPPED.parent.iterdir():
        shutil.copy(path, folder)
    return folder / SHIPPED.name


def test_onnx_files_of_other_weights_are_refused(tmp_path, weights):
    """They would silently give wrong results."""
    copied = shipped_copy(tmp_path)
    shutil.copy(weights, copied)
    with pytest.raises(WeightsError, match=r"was not exported from default\.safetensors"):
        load_engine(copied, "onnx")


def test_damaged_and_missing_onnx_files_are_refused(tmp_path):
    copied = shipped_copy(tmp_path)
    for network in ("hide", "reveal"):
        file = tmp_path / f"default.{network}.onnx"
        whole = file.read_bytes()
        for text in (b"", b"not ONNX", b"\x08\x0a"):
            file.write_bytes(text)
            with pytest.raises(WeightsError, match=f"default.{network}.onnx: can't be read as ONNX"):
                load_engine(copied, "onnx")
        file.write_bytes(whole)
    (tmp_path / "default.reveal.onnx").unlink()
    with pytest.raises(WeightsError, match=r"default\.safetensors: no ONNX files next to it"):
        load_engine(copied, "onnx")
