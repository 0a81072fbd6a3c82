"""The weights that come with stegnet, used as a user does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stegnet.data.catalogue import read_catalogue, read_package_pictures
from stegnet.data.groups import cut_squares
from stegnet.keys import Key
from stegnet.media import read_frames, read_picture, read_sound, resize, scan, write_png
from stegnet.methods.network import Network, hide_picture, reveal_picture
from stegnet.models import SHIPPED, read_card
from tests.support.quality import psnr

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
KEY = Key(bytes(range(32)))


def stegnet(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command, in a folder of its own."""
    program = Path(sys.executable).parent / "stegnet"
    return subprocess.run([program, *arguments], cwd=folder, text=True, capture_output=True, check=False)


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """Squares of 256² out of the photographs that come with installed packages."""
    sources = [source for source in read_catalogue(ROOT / "assets" / "sources.yaml") if source.kind == "package"]
    pictures = [picture for source in sources for _, picture in read_package_pictures(source)]
    return [square for picture in pictures for square in cut_squares(picture, 256, 4)]


def test_card_says_where_the_weights_come_from() -> None:
    card = read_card(SHIPPED)
    assert {"seed", "beta", "data", "source", "train", "note"} <= set(card.training)
    assert card.figures["container_psnr"] >= 45
    assert card.figures["secret_psnr"] >= 45
    assert card.scramble == {"base": "coded", "quality": 90, "block": 8, "period": card.scramble["period"]}
    assert 3 / 255 < card.scramble["period"] < 8 / 255
    beside = json.loads(SHIPPED.with_suffix(".json").read_text(encoding="utf-8"))
    assert (beside["figures"], beside["training"]) == (card.figures, card.training)


def test_figures_of_the_card_hold_on_photographs(photographs: list[np.ndarray], tmp_path: Path) -> None:
    network, figures = Network.load(SHIPPED), []
    for index in range(len(photographs)):
        cover, secret = photographs[index], photographs[(index + 7) % len(photographs)]
        write_png(tmp_path / "container.png", hide_picture(network, cover, secret, KEY))
        container = read_picture(tmp_path / "container.png")
        figures.append((psnr(cover, container), psnr(secret, reveal_picture(network, container, KEY).picture)))
    card = read_card(SHIPPED).figures
    assert np.mean(figures, axis=0) == pytest.approx((card["container_psnr"], card["secret_psnr"]), abs=0.3)


def test_a_film_with_sound_travels(tmp_path: Path) -> None:
    cover, secret = ROOT / "assets" / "cover.mp4", ROOT / "assets" / "secret.mp4"
    assert stegnet(tmp_path, "keygen", "k").returncode == 0
    hidden = stegnet(tmp_path, "hide", str(cover), str(secret), "--key-file", "k", "-o", "out.mkv")
    assert hidden.returncode == 0, hidden.stderr
    shown = stegnet(tmp_path, "reveal", "out.mkv", "--key-file", "k", "-o", "back.mkv")
    assert shown.returncode == 0, shown.stderr
    before, after = scan(secret), scan(tmp_path / "back.mkv")
    assert (after.width, after.height, len(after.pts)) == (before.width, before.height, len(before.pts))
    assert max(abs(a - b) for a, b in zip(before.times, after.times, strict=True)) <= 0.0005
    container = scan(tmp_path / "out.mkv")
    assert (len(container.pts), container.sound) == (len(scan(cover).pts), ("aac",))
    assert quality(cover, tmp_path / "out.mkv") > 43
    assert quality(secret, tmp_path / "back.mkv") > 38
    assert sound(tmp_path / "back.mkv") == sound(secret)
    assert sound(tmp_path / "out.mkv") == sound(cover)


def test_a_picture_of_another_size_travels(photographs: list[np.ndarray], tmp_path: Path) -> None:
    """A wrong key gives one line and no file."""
    secret = resize(photographs[12], 301, 203)
    write_png(tmp_path / "cover.png", photographs[4][:211, :251])
    write_png(tmp_path / "secret.png", secret)
    for key in ("k", "wrong"):
        stegnet(tmp_path, "keygen", key)
    stegnet(tmp_path, "hide", "cover.png", "secret.png", "--key-file", "k", "-o", "out.png", "--method", "network")
    refused = stegnet(tmp_path, "reveal", "out.png", "--key-file", "wrong", "-o", "back.png")
    assert refused.returncode == 1
    assert [line.split(":")[0] for line in refused.stderr.splitlines()] == ["error", "hint"]
    assert not (tmp_path / "back.png").exists()
    done = stegnet(tmp_path, "reveal", "out.png", "--key-file", "k", "-o", "back.png")
    assert done.returncode == 0, done.stderr
    assert read_picture(tmp_path / "back.png").shape == (301, 203, 3)
    assert psnr(secret, read_picture(tmp_path / "back.png")) > 28


def sound(path: Path) -> list[bytes]:
    """The bytes of every packet of sound."""
    return [packet.data for packet in read_sound(path)]


def quality(original: Path, copy: Path) -> float:
    """Mean PSNR of a film's frames in dB."""
    return float(np.mean([psnr(*frames) for frames in zip(read_frames(original), read_frames(copy), strict=True)]))
