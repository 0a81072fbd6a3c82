"""Pictures and films that don't fit as they are: `auto` takes the network, or copies that are clearly better."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter
from skimage.data import coffee, rocket

import stegnet
from stegnet.core.measures import psnr
from stegnet.image.pictures import read_picture
from tests.support.films import write_film
from tests.support.sealing import KEY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:the cover is a copy of one that was saved with loss"),
    pytest.mark.filterwarnings("ignore:the secret is revealed at only"),
]
SIDE = 160
COVER = rocket()[100 : 100 + SIDE, 100 : 100 + SIDE]
DETAILED = coffee()[100 : 100 + SIDE, 200 : 200 + SIDE]
SMOOTH = np.asarray(Image.fromarray(DETAILED).filter(ImageFilter.GaussianBlur(0.8)))


def noisy(picture: np.ndarray, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(0, 12, picture.shape)
    return (picture + drawn).clip(0, 255).astype(np.uint8)


def worse_side(folder: Path, **options: Any) -> tuple[str, float]:
    """The way that a picture was hidden, and the lower PSNR of container and secret, from files."""
    with pytest.warns(UserWarning, match="does not fit as it is: hidden (by a network|as a compressed copy)"):
        made = stegnet.hide("cover.png", "secret.png", folder / "sent.png", key=KEY, overwrite=True, **options)
    stegnet.reveal(folder / "sent.png", folder / "back.png", key=KEY, overwrite=True)
    pairs = (("cover.png", "sent.png"), ("secret.png", "back.png"))
    assert made.hiding is not None
    return made.hiding.method, min(psnr(*(read_picture(folder / name) for name in pair)) for pair in pairs)


@pytest.mark.parametrize(("noise", "way"), [(False, "sealed"), (True, "network")], ids=["smooth", "noisy"])
def test_a_picture_is_hidden_by_the_network_unless_a_copy_is_clearly_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: bool, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(COVER).save("cover.png")
    Image.fromarray(noisy(DETAILED) if noise else SMOOTH).save("secret.png")
    found, side = worse_side(tmp_path)
    by_copy = worse_side(tmp_path, method="sealed", compress=True)[1]
    with pytest.warns(UserWarning) if noise else pytest.MonkeyPatch.context():
        made = stegnet.hide("cover.png", "secret.png", "other.png", key=KEY, method="network")
    stegnet.reveal("other.png", "other-back.png", key=KEY)
    by_network = min(psnr(COVER, read_picture(Path("other.png"))), made.secret_psnr or 0)
    assert found == way
    assert (by_network >= by_copy - 0.5) == (way == "network")
    assert side == pytest.approx(by_network if way == "network" else by_copy, abs=0.1)


def test_a_large_picture_is_tried_by_its_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its parts that fit as they are, being flat, do not make a trial fail."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(rocket()[:400, :600]).save("cover.png")
    secret = noisy(coffee()[:400, :600])
    secret[50:350, 100:500] = 90
    Image.fromarray(secret).save("secret.png")
    assert worse_side(tmp_path)[1] > 25


@pytest.mark.parametrize(("noise", "way"), [(False, "sealed"), (True, "network")], ids=["plain", "noisy"])
def test_a_film_likewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: bool, way: str) -> None:
    monkeypatch.chdir(tmp_path)
    covers = [np.roll(rocket()[100:164, 100:196], frame, 1) for frame in range(8)]
    secrets = [np.roll(coffee()[100:164, 200:296], frame, 1) for frame in range(8)]
    write_film(Path("cover.mkv"), covers)
    write_film(Path("secret.mkv"), [noisy(one, 1 + number) if noise else one for number, one in enumerate(secrets)])
    with pytest.warns(UserWarning, match="by a network" if noise else "HEVC"):
        made = stegnet.hide("cover.mkv", "secret.mkv", "sent.mkv", key=KEY)
    assert made.hiding is not None and made.hiding.method == way
    assert made.secret_psnr is not None and made.secret_psnr > 25
