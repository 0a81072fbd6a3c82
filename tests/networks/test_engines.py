"""Properties of all engines, on the shipped weights, and their selection."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as state

import stegnet
from stegnet import CapacityError, ConfigError, WeightsError
from stegnet.core.parallel import parallel_map
from stegnet.core.pixels import Base
from stegnet.keys import Key
from stegnet.networks import SHIPPED, Network, engines, hide_picture, load_engine, reveal_picture
from stegnet.networks.engines.onnx_engine import OnnxEngine
from stegnet.record import decode_base, encode_base
from tests.support.lab import render_scene
from tests.support.quality import psnr

pytestmark = pytest.mark.arithmetic

KEY = Key(bytes(range(32)))
LIKE = {"torch": "fp32", "torch in bf16": "bf16", "onnx": "fp32"}


def base_of(secret: np.ndarray) -> Base:
    return decode_base(encode_base(secret, "coded", 90, secret.size)[0], "coded", *secret.shape[:2])


@pytest.fixture(scope="module")
def networks() -> dict[str, Network]:
    return {name: Network.load(device="cpu", precision=how, backend=name.split()[0]) for name, how in LIKE.items()}


@pytest.fixture(params=["torch", "onnx"])
def network(networks, request) -> Network:
    return networks[request.param]


@pytest.fixture(scope="module")
def scenes() -> tuple[np.ndarray, np.ndarray]:
    return render_scene(192, (1, 0)), render_scene(192, (2, 0))


@pytest.mark.parametrize("hider", LIKE)
def test_engines_are_interoperable(networks, scenes, hider):
    """PSNR within 0.3 dB of the hiding engine's own, and of containers within 0.15 dB: sealed bits differ."""
    cover, secret = scenes
    container = hide_picture(networks[hider], cover, secret, KEY)
    own = psnr(secret, reveal_picture(networks[hider], container, KEY).picture)
    for reader, network in networks.items():
        revealed = reveal_picture(network, container, KEY)
        assert revealed.whole
        assert psnr(secret, revealed.picture) == pytest.approx(own, abs=0.3), reader
    like = hide_picture(networks["torch"], cover, secret, KEY)
    assert psnr(cover, container) == pytest.approx(psnr(cover, like), abs=0.15)


def test_a_pickled_network_is_the_same(network, scenes):
    """Studies send it to the processes of a cluster; ONNX's sessions are opened once there."""
    cover, secret = scenes
    sent = pickle.dumps(network)
    copy = pickle.loads(sent)
    base = base_of(secret)
    assert np.array_equal(*(each.hide(cover, secret, None, base).container for each in (network, copy)))
    if copy.engine.backend == "onnx":
        assert pickle.loads(sent).engine is copy.engine


def test_concurrent_pictures_are_independent(network, picture):
    """In threads, as for films."""
    jobs = [(picture(32, 48, seed), picture(32, 48, seed + 50), None, Base.grey(32, 48)) for seed in range(6)]
    alone = [network.hide(*job) for job in jobs]
    pool = network.pool(32, 48)
    together = list(parallel_map(lambda job: network.hide(*job), jobs, 3, pool.prepare))
    for a, b in zip(alone, together, strict=True):
        assert np.abs(a.container.astype(int) - b.container).max() <= 1  # fewer threads may add in another order


@pytest.mark.parametrize(
    ("message", "told"), [("Failed to allocate memory for requested buffer", CapacityError), ("else", WeightsError)]
)
def test_out_of_memory_is_reported(networks, monkeypatch, picture, message, told):
    class Hungry:
        def run(self, *given):
            raise state.Fail(message)

        def get_inputs(self):
            return [type("Input", (), {"name": "secret"})()]

    monkeypatch.setattr(
        OnnxEngine, "_sessions_with", lambda engine, threads: dict.fromkeys(("prepare", "reveal"), Hungry())
    )
    with pytest.raises(told):
        networks["onnx"].engine.prepare(picture(8, 8).astype(np.float32))


def test_onnx_runtime_sends_and_stores_nothing(tmp_path: Path) -> None:
    """Its telemetry would leave a file for its sessions, and a data base of what is to be sent."""
    load = (
        "from stegnet.networks import load_engine; from stegnet.networks import SHIPPED; load_engine(SHIPPED, 'onnx')"
    )
    homes = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), str(tmp_path))
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    path = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", load], env=environment | homes | path, check=True)
    assert not list(tmp_path.iterdir())


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
        assert f"`python -m pipeline.export {weights} {weights.parent}`" in caught.value.hint


def test_invalid_combinations():
    for settings, told in (
        ({"backend": "onnx", "device": "cuda"}, "backend onnx runs on the CPU only, not on cuda"),
        ({"backend": "onnx", "precision": "bf16"}, "backend onnx supports fp32 only, not bf16"),
    ):
        with pytest.raises(ConfigError, match=told):
            load_engine(SHIPPED, **settings)


KEPT_MEMORY = """
import numpy as np, psutil
from stegnet.networks import SHIPPED, load_engine
own = psutil.Process()
engine = load_engine(SHIPPED, "onnx")
engine.pool(720 * 1280).prepare()
picture = np.full((720, 1280, 3), 0.5, np.float32)
print(own.memory_info().rss)
engine.enhance(picture)
print(own.memory_info().rss)
engine.restore(picture, engine.reveal(picture))
print(own.memory_info().rss)
"""


def test_networks_share_their_memory():
    """What one has used serves the next two, as large."""
    told = subprocess.run([sys.executable, "-c", KEPT_MEMORY], capture_output=True, text=True, check=True).stdout
    before, with_one, with_three = map(int, told.split())
    assert with_three - with_one < with_one - before


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


def test_damaged_and_missing_onnx_files_are_refused(tmp_path, capsys):
    copied = shipped_copy(tmp_path)
    for network in ("hide", "reveal"):
        file = tmp_path / f"default.{network}.onnx"
        whole = file.read_bytes()
        for text in (b"", b"not ONNX", b"\x08\x0a", whole.replace(b"Conv", b"Con\xff")):
            file.write_bytes(text)
            with pytest.raises(WeightsError, match=f"default.{network}.onnx: can't be read as ONNX"):
                load_engine(copied, "onnx")
        file.write_bytes(whole)
    assert capsys.readouterr().out == ""
    (tmp_path / "default.reveal.onnx").unlink()
    with pytest.raises(WeightsError, match=r"default\.safetensors: no ONNX files next to it"):
        load_engine(copied, "onnx")
