"""Programs that save a JPEG again: what each makes of a phone's photograph, before anything is hidden in one."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.support.phone_photographs import Shot, covers, shots, upright
from tests.support.quality import psnr
from tests.support.real_channels import CHANNELS, Channel

MIN_PSNR = 24.0  # dB, against the picture as it was sent; turned or mirrored, it has less than 17


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A landscape, and pictures on their side and upside down."""
    return covers(tmp_path_factory.mktemp("sent"), 4, 1000)


@pytest.mark.parametrize("side", [None, 400])
@pytest.mark.parametrize("name", CHANNELS)
def test_pictures_arrive_upright_in_their_size(
    real_channels: dict[str, Channel], sent: list[Path], tmp_path: Path, name: str, side: int | None
) -> None:
    for path in sent:
        arrived = tmp_path / path.name
        real_channels[name](path, arrived, side)
        shown = upright(path)
        factor = 1 if side is None else side / max(shown.size)
        with Image.open(arrived) as opened:
            assert opened.format == "JPEG"
            assert opened.getexif().get(ExifTags.Base.Orientation, 1) == 1
            assert np.abs(np.subtract(opened.size, np.multiply(shown.size, factor))).max() < 1  # rounded up or down
            assert max(opened.size) == (side or max(shown.size))
            expected = shown.resize(opened.size, Image.Resampling.LANCZOS)
            assert psnr(np.asarray(opened.convert("RGB")), np.asarray(expected)) > MIN_PSNR


@pytest.mark.parametrize("name", CHANNELS)
def test_the_same_bytes_each_time(
    real_channels: dict[str, Channel], sent: list[Path], tmp_path: Path, name: str
) -> None:
    for side in (None, 400):
        first, second = tmp_path / "first.jpg", tmp_path / "second.jpg"
        real_channels[name](sent[1], first, side)
        real_channels[name](sent[1], second, side)
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", CHANNELS)
def test_small_pictures_are_not_enlarged(real_channels: dict[str, Channel], tmp_path: Path, name: str) -> None:
    grey = Shot(120, 90, orientation=8, grey=True).save(tmp_path / "grey.jpg")
    real_channels[name](grey, tmp_path / "arrived.jpg", 400)
    with Image.open(tmp_path / "arrived.jpg") as arrived:
        assert arrived.size == (90, 120)
        assert psnr(np.asarray(arrived.convert("RGB")), np.asarray(upright(grey))) > MIN_PSNR


def test_missing_programs_skip_a_test_or_fail_it_where_they_are_required(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    outcomes = {"": pytest.skip.Exception, "required": pytest.fail.Exception}
    for value, outcome in outcomes.items():
        monkeypatch.setenv("STEGNET_ENCODERS", value)
        with pytest.raises(outcome, match=r"convert is missing: install it .*imagemagick"):
            CHANNELS["im75"](tmp_path / "sent.jpg", tmp_path / "arrived.jpg", None)


def test_shots_differ() -> None:
    kinds = [shot for shot, _ in zip(shots(), range(20), strict=False)]
    assert {shot.orientation for shot in kinds} == {1, 3, 6, 8}
    assert {shot.subsampling for shot in kinds} == {"4:2:0", "4:4:4"}
    assert {shot.grey for shot in kinds} == {shot.clipped for shot in kinds} == {True, False}
    usual = Shot(160, 120).pixels()
    assert np.array_equal(usual, Shot(160, 120).pixels())
    assert not np.array_equal(usual, Shot(160, 120, seed=1).pixels())
    assert (usual == 255).mean() < 0.02 < (Shot(160, 120, clipped=True).pixels() == 255).mean()
