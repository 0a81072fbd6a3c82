import hashlib
from fractions import Fraction

import numpy as np
import pytest

from stegnet.core.errors import MediaError
from stegnet.media import FilmWriter, check_film, check_picture, digest, write_png


@pytest.fixture
def frames(picture):
    return [picture(17, 33, seed) for seed in range(5)]


@pytest.fixture(params=["mkv", "mp4"])
def film(request, tmp_path, frames):
    path = tmp_path / "a"
    with FilmWriter(path, 33, 17, Fraction(25), form=request.param) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))
    return path


def test_a_digest_is_blake2b_of_size_and_pixels(picture):
    pixels = picture(7, 9)
    assert digest(pixels) == hashlib.blake2b(b"7 9" + pixels.tobytes(), digest_size=16).digest()
    assert digest(pixels[::-1, ::2]) == digest(np.ascontiguousarray(pixels[::-1, ::2]))
    assert digest(np.zeros((2, 8, 3), np.uint8)) != digest(np.zeros((4, 4, 3), np.uint8))


def test_a_good_film_passes(film, frames):
    calls = []
    check_film(film, [digest(frame) for frame in frames], lambda *call: calls.append(call))
    assert calls == [(n, 5) for n in range(1, 6)]


def test_the_first_frame_that_differs_is_named(film, frames):
    for index in (2, 4):
        frames[index][16, 32, 2] ^= 1
    with pytest.raises(MediaError, match="frame 3 does not read back") as caught:
        check_film(film, [digest(frame) for frame in frames], lambda *_: None)
    assert "faulty" in caught.value.hint


@pytest.mark.parametrize("count", [0, 4, 6])
def test_the_number_of_frames_counts(film, frames, count):
    wanted = [digest(frame) for frame in (frames + frames)[:count]]
    with pytest.raises(MediaError, match=f"with 5 frames, not {count}$") as caught:
        check_film(film, wanted, lambda *_: None)
    assert "faulty" in caught.value.hint


def test_a_bit_that_flipped_on_the_disk_is_found(tmp_path, frames):
    """FFmpeg only logs that a checksum of FFV1 is wrong, and shows something else."""
    path = tmp_path / "a.mkv"
    with FilmWriter(path, 33, 17, Fraction(25)) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(MediaError):
        check_film(path, [digest(frame) for frame in frames], lambda *_: None)


def test_pictures(tmp_path, picture):
    pixels = picture(17, 33)
    write_png(tmp_path / "a.png", pixels)
    check_picture(tmp_path / "a.png", pixels)
    for other in (pixels ^ np.eye(33, dtype=np.uint8)[:17, :, None], pixels[:16], pixels[:, :1]):
        with pytest.raises(MediaError, match="does not read back") as caught:
            check_picture(tmp_path / "a.png", other)
        assert "faulty" in caught.value.hint


def test_a_colour_profile_does_not_get_in_the_way(tmp_path, picture, swapped_profile):
    pixels = picture(17, 33)
    write_png(tmp_path / "a.png", pixels, icc=swapped_profile)
    check_picture(tmp_path / "a.png", pixels)
