"""The zoo: the ruler against pairs whose figures are known, and a whole run, which goes on where it stopped."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from stegnet import ConfigError
from stegnet.networks import Pair
from study.zoo import __main__ as zoo
from study.zoo.ruler import WholePictures
from tests.support.lab import PARAMS, ROOT, changed, read
from tests.support.shards import write_shards

PICTURE = np.random.default_rng(0).integers(40, 200, (32, 40, 3), np.uint8)


class Shifted(Pair):
    """Its containers are .4 levels brighter than their covers; it reveals the container."""

    def hide(self, cover: torch.Tensor, secret: torch.Tensor) -> torch.Tensor:
        assert float(secret.mean()) == pytest.approx(PICTURE[::-1].mean() / 255 - 128 / 255)
        return cover + 0.4 / 255

    def reveal(self, container: torch.Tensor) -> torch.Tensor:
        return container - 128 / 255


def test_the_three_states_of_a_container() -> None:
    secret = PICTURE[::-1].copy()
    figures = WholePictures(Shifted()).measure(PICTURE, secret, 0)
    assert figures["container_psnr_exact"] == pytest.approx(20 * np.log10(255 / 0.4), abs=1e-3)
    assert figures["container_psnr_stored"] == np.inf  # .4 levels are rounded away
    saved = io.BytesIO()
    Image.fromarray(PICTURE).save(saved, "JPEG", quality=90)
    opened = np.asarray(Image.open(saved)).astype(float)

    def psnr(a: np.ndarray, b: np.ndarray) -> float:
        return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))

    assert figures["container_psnr_jpeg"] == pytest.approx(psnr(PICTURE, opened), abs=1e-3)
    assert figures["secret_psnr_stored"] == pytest.approx(psnr(secret, PICTURE), abs=1e-3)
    assert figures["secret_psnr_jpeg"] == pytest.approx(psnr(secret, opened), abs=1e-3)
    assert np.array_equal(WholePictures(Shifted()).stored(PICTURE, secret, 0), PICTURE)


@pytest.mark.night
def test_a_run_and_another_that_finds_all_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A detector that does not find its control says nothing of the others."""
    kinds = [("train", "a")] * 6 + [("test", "photographs")] * 3
    shards = write_shards(tmp_path / "shards", kinds, 8)
    small = changed(read(PARAMS), {"data.side": 64, "train.crop": 32})
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(small), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    changes = ["-S", "train.batch=4", "-S", "train.crop=32", "-S", "model.width=4"]
    options = ["--minutes", "0.01", "--pairs", "8", "--detect", "4", *changes]
    monkeypatch.setattr("sys.argv", ["zoo", str(shards), "out", "unet", *options])
    monkeypatch.setattr(zoo, "CONTROL_FOUND", 0.0)
    zoo.main()
    timed, row = pd.read_csv("out/zoo.csv").to_dict("records")
    assert timed["budget"] == "0.01 minutes"
    assert timed["pairs"] % 4 == 0 < timed["pairs"]
    assert row["network"] == "unet"
    assert row["budget"] == "8 pairs"
    assert (row["pairs"], row["batch"], row["crop"], row["parameters"]) == (8, 4, 32, 167_766)
    assert row["detection"] in (0, 0.25, 0.5, 0.75, 1), "of two covers and two containers"
    changed_to = {"train.batch": 4, "train.crop": 32, "model.width": 4}
    assert json.loads(Path("out/budget.json").read_text())["changes"] == changed_to
    assert Path("out/zoo.png").read_bytes()[:4] == b"\x89PNG"
    (folder,) = Path("out/8-pairs").iterdir()
    assert folder.name.startswith("unet-")
    kept = [folder / "pair.safetensors", folder / "figures.json", *folder.glob("containers-*.npy")]
    written = [file.stat().st_mtime_ns for file in kept]
    monkeypatch.setattr(zoo, "CONTROL_FOUND", 1.1)
    zoo.main()
    assert [file.stat().st_mtime_ns for file in kept] == written
    assert len(kept) == 3
    assert "raise --detect" in caplog.text
    assert pd.read_csv("out/zoo.csv")["detection"].isna().all()


def test_other_parameters_are_other_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shards = write_shards(tmp_path / "shards", [("train", "a"), ("test", "photographs")], 8)
    rates: list[dict[str, object]] = [{}, {"train.lr": 0.5}, {}]
    folders = [zoo.entry_of("udh", zoo.Budget(pairs=8), rate, shards, tmp_path).folder for rate in rates]
    assert folders[0] == folders[2] != folders[1]


def test_every_profile_hides_as_published() -> None:
    """Without base, shuffle or rounding, and so without sealed bits."""
    for name in zoo.PROFILES:
        values = zoo.read_profile(name)
        assert values["scramble.base"] == "none", name
        assert values["train.scrambled"] == 0, name
        assert values["train.rounded"] is False, name


def test_a_network_that_the_zoo_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match="no network 'balujo'") as caught:
        zoo.read_profile("balujo")
    assert caught.value.hint.startswith("did you mean baluja? known: baluja, deepmih, hinet,")
    assert zoo.read_profile("costa") == {"model.name": "costa"}
