"""Films that were encoded again by ffmpeg, once and more, and a film with sound that is hidden in one."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from stegnet import RevealError
from stegnet.files import reveal_file
from stegnet.keys import Key
from stegnet.media import read_frames
from stegnet.methods import METHODS, Run
from stegnet.methods.robust import RobustOptions
from stegnet.results import OutputTarget
from tests.support.films import encoded, still_film
from tests.support.quality import psnr

pytestmark = pytest.mark.slow
KEY = Key(bytes(range(32)))
PITCH = 44100 / (2 * np.pi * 16)  # of `still_film`, in Hz


def hidden(folder: Path, secret: Path, height: int = 128, width: int = 160) -> Path:
    """A film of two groups with sound in which a file is hidden."""
    cover, out = still_film(folder / "cover.mkv", 100, height, width), OutputTarget(folder / "out.mp4")
    METHODS["robust"].hide(cover, secret, out, KEY, RobustOptions("h264:23"), Run())
    return out.path


@pytest.fixture
def revealed(tmp_path) -> Callable[[Path, str], Path]:
    def run(film: Path, name: str) -> Path:
        reveal_file(film, OutputTarget(tmp_path / name, force=True), KEY)
        return tmp_path / name

    return run


def generations(film: Path, folder: Path, *crfs: int) -> Path:
    for number, crf in enumerate(crfs):
        film = encoded(film, folder / f"{number}.mp4", "-crf", str(crf))
    return film


def test_a_note_comes_back_after_generations(tmp_path, revealed):
    (tmp_path / "note.txt").write_bytes(b"meet me at eight")
    film = generations(hidden(tmp_path, tmp_path / "note.txt"), tmp_path, 23, 18, 23)
    assert revealed(film, "back.txt").read_bytes() == b"meet me at eight"


def test_a_full_film_comes_back_from_what_was_promised_and_then_says_so(tmp_path, revealed):
    """At a third worse than promised, one line says that nothing opens, or how much is left."""
    (tmp_path / "data").write_bytes(np.random.default_rng(0).bytes(900))
    film = hidden(tmp_path, tmp_path / "data")
    assert revealed(generations(film, tmp_path, 23), "back").read_bytes() == (tmp_path / "data").read_bytes()
    with pytest.raises(RevealError) as caught:
        revealed(generations(film, tmp_path, 23, 32), "worse")
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "worse").exists()


def test_a_film_with_sound_in_a_film_with_sound(tmp_path, revealed):
    """It is compressed to fit, and plays after the container was encoded again, its sound too."""
    secret = still_film(tmp_path / "secret.mkv", 25, 64, 64)
    film = hidden(tmp_path, secret, 240, 320)
    back = revealed(encoded(film, tmp_path / "again.mp4", "-crf", "23", "-c:a", "aac"), "back.mp4")
    pairs = list(zip(read_frames(secret), read_frames(back), strict=True))
    assert len(pairs) == 25
    assert min(psnr(*pair) for pair in pairs) > 28
    with av.open(str(back)) as opened:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(audio=0)])
    assert 0.8 < samples.size / 48_000 < 1.2  # Opus
    loudest = np.abs(np.fft.rfft(samples * np.hanning(samples.size))).argmax() * 48_000 / samples.size
    assert loudest == pytest.approx(PITCH, abs=3)
