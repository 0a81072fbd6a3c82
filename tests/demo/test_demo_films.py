"""Files in films, exchanged between Python and the page's worker."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import stegnet
from stegnet.image import write_png
from stegnet.video import read_frames, read_sound, scan
from tests.demo.conftest import node
from tests.support.films import write_film

pytestmark = pytest.mark.night

PASSPHRASE = "zwei Käse"
NOTE = bytes(range(256)) * 3
COVERS = ("plain.mp4", "turned.mp4", "uneven.mkv", "odd.mkv", "broadcast.ts")
SECRET = bytes(range(32))
KEY = stegnet.Key(SECRET)
MAX_ERROR = 1  # mean difference in levels of a cover's frames: without SIMD, as in the page, FFmpeg rounds otherwise


@pytest.fixture(scope="module")
def exchanged(page: Path, make_film: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of films that Python and the page exchanged while the page's own tests ran."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "key").write_bytes(SECRET)
    (folder / "note.bin").write_bytes(NOTE[:700])
    (folder / "large.bin").write_bytes(bytes(99_999))
    make_covers(folder, make_film)

    def hide(cover: str, secret: str, to: str, key: stegnet.Key | stegnet.Passphrase = KEY) -> None:
        stegnet.hide(folder / cover, folder / secret, folder / to, key=key, method="sealed")

    for name in ("python.mkv", "python.mp4"):
        with pytest.warns(UserWarning, match="the cover is a film in YCbCr"):
            hide("plain.mp4", "note.bin", name)
    with pytest.warns(UserWarning, match="passphrase is weak|the cover is a film"):
        hide("plain.mp4", "note.bin", "python_passphrase.mkv", stegnet.Passphrase(PASSPHRASE))
    frames = list(read_frames(folder / "python.mkv"))
    write_film(folder / "few.mkv", frames[:3])
    frames[2][0, 0, 0] ^= 2
    write_film(folder / "altered.mkv", frames)
    node(page, "tests/browser/films.test.js", "tests/browser/form.test.js", STEGNET_EXCHANGE=str(folder))
    return folder


def make_covers(folder: Path, make_film: Callable[..., Path]) -> None:
    lossy = {"codec": "libx264", "pix_fmt": "yuv420p"}
    make_film(folder / "plain.mp4", sound="aac", **lossy)
    make_film(folder / "turned.mp4", turn=90, **lossy)
    make_film(folder / "uneven.mkv", stamps=[0, 40, 50, 200, 201, 900], time_base=Fraction(1, 1000), sound="libmp3lame")
    make_film(folder / "odd.mkv", height=61, width=83)
    make_film(folder / "broadcast.ts", sound="mp2", **lossy)
    write_png(folder / "cover.png", next(read_frames(folder / "odd.mkv")))


@pytest.mark.parametrize("name", COVERS)
def test_a_film_of_the_page_opens_in_python(exchanged: Path, name: str) -> None:
    found = stegnet.reveal(exchanged / f"{name}.container.mkv", key=KEY, strict=True)
    assert (found.name, found.data) == ("note.bin", NOTE[:700])


def test_a_film_of_the_page_opens_in_python_without_a_third_of_its_frames(exchanged: Path, tmp_path: Path) -> None:
    frames = list(read_frames(exchanged / "plain.mp4.container.mkv"))
    write_film(tmp_path / "lost.mkv", frames[1:4] + frames[5:])
    found = stegnet.reveal(tmp_path / "lost.mkv", key=KEY)
    assert (found.data, found.trouble) == (NOTE[:700], ("2 frames (0, 4) were lost",))


@pytest.mark.parametrize("name", COVERS)
def test_a_film_of_the_page_has_the_times_and_the_sound_of_its_cover(exchanged: Path, name: str) -> None:
    cover, container = exchanged / name, exchanged / f"{name}.container.mkv"
    seen, made = scan(cover), scan(container)
    assert (made.width, made.height) == (seen.width, seen.height)
    assert [round(1000 * time) for time in seen.times] == [1000 * time for time in made.times]
    assert [packet.data for packet in read_sound(cover)] == [packet.data for packet in read_sound(container)]
    assert made.sound == seen.sound
    for before, after in zip(read_frames(cover, as_ffmpeg=True), read_frames(container), strict=True):
        assert np.abs(before.astype(int) - after).mean() < MAX_ERROR


def test_a_file_in_a_picture_of_the_page_opens_in_python(exchanged: Path) -> None:
    assert stegnet.reveal(exchanged / "sealed.png", key=stegnet.Passphrase(PASSPHRASE)).data == NOTE[:700]
