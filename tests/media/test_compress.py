from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, MediaError
from stegnet.image import read_picture, write_png
from stegnet.image.avif import write_avif
from stegnet.media.compress import compress_film
from stegnet.media.picture_copies import compress_picture
from stegnet.video import read_frames, read_sound, scan
from tests.support.films import encode
from tests.support.quality import psnr

pytestmark = pytest.mark.slow


@pytest.fixture
def photo(tmp_path: Path, picture: Callable[..., np.ndarray]) -> Path:
    write_png(tmp_path / "photo.png", picture(80, 112))
    return tmp_path / "photo.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name contains the separators of x265's params."""
    (tmp_path / "a:b='c'").mkdir()
    return tmp_path / "a:b='c'"


def test_the_best_quality_that_fits(photo, folder, tmp_path):
    """Found in counted steps; the same picture gives the same bytes."""
    sizes, qualities, seen = [], [], []
    for most in (1_000, 3_500):
        made = compress_picture(photo, folder, most, lambda done, total: seen.append((done, total)))
        sizes.append(made.path.stat().st_size)
        assert 0.8 * most < sizes[-1] <= most
        qualities.append(made.psnr)
        assert made.psnr == pytest.approx(psnr(read_picture(made.path), read_picture(photo)))
        assert made.description == f"AVIF 4:4:4, {made.psnr:.1f} dB"
        assert seen == [(step, 7) for step in range(1, len(seen) + 1)] and 2 <= len(seen) <= 7
        seen.clear()
    assert qualities == sorted(qualities) and qualities[-1] > 37
    (tmp_path / "other").mkdir()
    assert compress_picture(photo, tmp_path / "other", most).path.read_bytes() == made.path.read_bytes()


def test_what_fits_without_loss_is_exact(photo, folder):
    made = compress_picture(photo, folder, 10**9)
    assert (made.path.suffix, made.description, made.psnr) == (".webp", "lossless WebP", float("inf"))
    np.testing.assert_array_equal(read_picture(made.path), read_picture(photo))
    # Between the largest AVIF and lossless WebP:
    assert compress_picture(photo, folder, made.path.stat().st_size - 1).psnr > 48


def test_bits_for_large_pictures(photo, tmp_path):
    """As many as a cover of 10 megapixels and more has room for, at 50 pictures a second beyond what ffmpeg counts."""
    write_avif(read_picture(photo), tmp_path / "a.avif", 6e7, 8, "a picture")
    assert psnr(read_picture(tmp_path / "a.avif"), read_picture(photo)) > 48


def test_colours_are_bt_601_with_all_chroma_and_ten_bits(photo, folder):
    """Viewers decode what the file says: red, green, blue and grey come back, here by Pillow's libavif.

    It cuts off two bits of chroma, and so is up to a level off; another matrix would be off by ten.
    """
    colours = np.repeat([(230, 20, 30), (20, 220, 40), (30, 20, 210), (128, 128, 128)], 64 * 16, 0).reshape(64, 64, 3)
    grain = np.random.default_rng(0).integers(-3, 4, (64, 64, 3))
    picture = np.clip(colours + grain, 0, 255).astype(np.uint8)
    write_png(photo, picture)
    made = compress_picture(photo, folder, 3_000)
    with av.open(str(made.path)) as image:
        frame = next(image.decode(video=0))
    assert (frame.format.name, frame.color_range) == ("yuv444p10le", 2)
    seen = read_picture(made.path).astype(float)
    for row in range(0, 64, 16):
        block = np.s_[row : row + 16]
        np.testing.assert_allclose(seen[block].mean((0, 1)), picture[block].mean((0, 1)), atol=1.2)


def test_colours_become_srgb(photo, folder, swapped_profile):
    Image.open(photo).save(photo, icc_profile=swapped_profile)
    made = compress_picture(photo, folder, 4_000)
    with Image.open(made.path) as image:
        assert "icc_profile" not in image.info
    assert psnr(read_picture(made.path), read_picture(photo)) == pytest.approx(made.psnr)
    assert made.psnr > 30


def test_what_fits_at_no_quality_or_in_no_format(photo, folder, make_film, tmp_path):
    message = "bytes even at the lowest quality, more than the capacity of {}"
    with pytest.raises(CapacityError, match=message.format(100)):
        compress_picture(photo, folder, 100)
    with pytest.raises(CapacityError, match=message.format(1000)):
        compress_film(make_film(tmp_path / "film.mkv"), folder, 1000)
    write_png(tmp_path / "long.png", np.zeros((1, 65_537, 3), np.uint8))
    with pytest.raises(MediaError, match=r"long.png: can't be made AVIF \(no side can have more than 65536 pixels\)"):
        compress_picture(tmp_path / "long.png", folder, 1000)
    with pytest.raises(MediaError, match="a film 56 pixels wide can't be made HEVC"):  # x265 would write out of bounds
        compress_film(make_film(tmp_path / "narrow.mkv", width=56), folder, 10_000)
    (tmp_path / "none.mkv").write_bytes(b"no film")
    with pytest.raises(MediaError):
        compress_film(tmp_path / "none.mkv", folder, 1000)


@pytest.mark.parametrize(("most", "least"), [(4_000, 24), (40_000, 35)])
def test_a_film_fills_the_available_bytes(make_film, tmp_path, folder, most, least):
    """With HEVC 4:4:4 of ten bits and BT.709; by default, x265 also writes all its settings into the file."""
    film, seen = make_film(tmp_path / "film.mkv", 10), []
    made = compress_film(film, folder, most, lambda done, total: seen.append((done, total)))
    assert 0.85 * most < made.path.stat().st_size <= most
    assert made.description.startswith("HEVC 4:4:4, ")
    assert seen[:10] == [(done, 10) for done in range(1, 11)] and len(seen) >= 20
    out = scan(made.path)
    assert (out.width, out.height, list(out.times)) == (96, 64, list(scan(film).times))
    assert min(psnr(*pair) for pair in zip(read_frames(film), read_frames(made.path), strict=True)) > least
    assert b"x265" not in made.path.read_bytes()
    with av.open(str(made.path)) as opened:
        frame = next(opened.decode(video=0))
        assert (opened.streams.video[0].codec_context.name, frame.format.name) == ("hevc", "yuv444p10le")
        assert (frame.colorspace, frame.color_range) == (1, 1)


def test_short_films_uneven_times_and_pixels_that_are_not_square(make_film, tmp_path, folder):
    for stamps in ([0], [0, 40, 80], [500, 507, 508, 540, 1000, 1040]):
        film = make_film(tmp_path / "film.mkv", stamps=stamps, time_base=Fraction(1, 1000))
        assert [time * 1000 for time in scan(compress_film(film, folder, 10_000).path).times] == stamps
    black = np.zeros((63, 97, 3), np.uint8)
    path = encode(tmp_path / "film.mkv", [black], "libx264", "yuv444p", **{"x264-params": "sar=64\\:45"})
    out = scan(compress_film(path, folder, 10_000).path)
    assert (out.width, out.height, out.aspect) == (97, 63, Fraction(64, 45))


def test_a_film_slower_than_it_claims_leaves_room_for_its_sound(make_film, tmp_path, folder):
    """Recordings of screens claim the rate of their shortest distances."""
    stamps = [0, 1000, 2000, 3000, 3040, 4000]
    film = make_film(tmp_path / "film.mkv", stamps=stamps, time_base=Fraction(1, 1000), sound="flac")
    info = scan(film)
    assert (info.rate, info.mean_rate) == (25, Fraction(6, 4))
    made = compress_film(film, folder, 16_000)
    assert made.path.stat().st_size <= 16_000
    assert made.description.endswith("its sound Opus, 8 kbit/s")


def test_small_sound_is_copied_and_large_sound_compressed(make_film, tmp_path, folder):
    film = make_film(tmp_path / "film.mkv", stamps=[*range(25, 40)], frames=15, sound="aac")
    made = compress_film(film, folder, 200_000)
    assert list(read_sound(made.path)) == list(read_sound(film))
    assert next(scan(made.path).times) == next(scan(film).times) == 1, "in sync"
    assert made.description.endswith("its sound unchanged")
    made = compress_film(make_film(tmp_path / "film.mkv", 25, sound="pcm_s16le"), folder, 30_000)
    assert made.path.stat().st_size <= 30_000
    assert scan(made.path).sound == ("opus",)
    assert "its sound Opus" in made.description
