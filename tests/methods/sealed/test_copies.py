"""Pictures and films that don't fit as they are: compressed copies, as a user hides and reveals them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import coffee, rocket

import stegnet
from stegnet.core.measures import psnr
from stegnet.image.pictures import read_picture
from stegnet.video import read_frames
from tests.support.films import write_film
from tests.support.sealing import KEY

pytestmark = pytest.mark.filterwarnings("ignore:the cover is a copy of one that was saved with loss")
SIDE = 160
COVER = rocket()[100 : 100 + SIDE, 100 : 100 + SIDE]
SECRET = coffee()[100 : 100 + SIDE, 200 : 200 + SIDE]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(COVER).save("cover.png")
    Image.fromarray(SECRET).save("secret.png")
    return tmp_path


def test_a_picture_of_the_covers_size_comes_back_as_avif(files: Path) -> None:
    with pytest.warns(UserWarning, match=r"secret\.avif \(PNG → AVIF 4:4:4, \d\d\.\d dB\)"):
        made = stegnet.hide("cover.png", "secret.png", "sent.png", key=KEY, method="sealed", compress=True)
    stegnet.reveal("sent.png", "back.png", key=KEY)
    assert psnr(SECRET, read_picture(Path("back.png"))) == pytest.approx(made.secret_psnr)
    assert psnr(COVER, read_picture(Path("sent.png"))) > 49.5
    assert psnr(SECRET, read_picture(Path("back.png"))) > 42


def test_a_picture_of_noise_is_coded_coarsely(files: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save("secret.png")
    with pytest.warns(UserWarning, match="AVIF"):
        stegnet.hide("cover.png", "secret.png", "sent.png", key=KEY, method="sealed", compress=True)


def test_a_copy_of_a_film_changes_no_sample_by_more_than_one_level(files: Path) -> None:
    random_levels = np.random.default_rng(0)
    write_film(files / "cover.mkv", [random_levels.integers(20, 230, (64, 96, 3), np.uint8) for _ in range(5)])
    write_film(files / "secret.mkv", [random_levels.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(5)])
    with pytest.warns(UserWarning, match=r"HEVC"):
        stegnet.hide("cover.mkv", "secret.mkv", "sent.mkv", key=KEY)
    pairs = zip(read_frames(files / "cover.mkv"), read_frames(files / "sent.mkv"), strict=True)
    assert max(np.abs(after.astype(int) - before).max() for before, after in pairs) == 1
