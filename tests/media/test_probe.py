import av
import numpy as np
import pytest
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.media import FILM, PICTURE, kind, lossy_format
from stegnet.media.signature import is_lossy_webp


def stills(picture, count):
    return [Image.fromarray(picture(32, 48, seed)) for seed in range(count)]


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_an_animation_is_a_film(tmp_path, picture, suffix):
    first, *others = stills(picture, 3)
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=others)
    assert kind(tmp_path / f"a.{suffix}") == FILM


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "jpg", "bmp", "tif", "ico", "ppm"])
def test_a_still_is_a_picture(tmp_path, picture, suffix):
    stills(picture, 1)[0].save(tmp_path / f"a.{suffix}")
    assert kind(tmp_path / f"a.{suffix}") == PICTURE


def test_pages_are_a_picture(tmp_path, picture):
    first, *others = stills(picture, 3)
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    assert kind(tmp_path / "a.tif") == PICTURE


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mkv", "ffv1", "bgr0"),
        ("a.mp4", "libx264", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mpg", "mpeg1video", "yuv420p"),
        ("a.m1v", "mpeg1video", "yuv420p"),
        ("no_suffix.mkv", "ffv1", "bgr0"),
    ],
)
def test_films(tmp_path, make_film, name, codec, pix_fmt):
    path = make_film(tmp_path / name, codec=codec, pix_fmt=pix_fmt)
    assert kind(path.rename(tmp_path / path.stem)) == FILM


def test_sound_alone(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as film:
        track = film.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        film.mux(track.encode(frame))
        film.mux(track.encode(None))
    with pytest.raises(MediaError, match="has sound but no pictures"):
        kind(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.png", "a.nfo"])
def test_text_is_refused(tmp_path, name):
    (tmp_path / name).write_text("This is a text.\n" * 50)
    with pytest.raises(MediaError, match="neither a picture nor a film"):
        kind(tmp_path / name)


def test_a_playlist_is_refused(tmp_path, make_film):
    make_film(tmp_path / "b.mkv")
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile b.mkv\n")
    with pytest.raises(MediaError, match="neither a picture nor a film"):
        kind(tmp_path / "a.mp4")


def test_missing_empty_and_special_files(tmp_path):
    (tmp_path / "a.mp4").touch()
    for path, message in [
        (tmp_path / "a.mp4", "the file is empty"),
        (tmp_path, "not a file"),
        (tmp_path / "b", "no such"),
    ]:
        with pytest.raises(MediaError, match=message):
            kind(path)


@pytest.mark.parametrize(("lossless", "form"), [(True, None), (False, "a lossy WebP")])
def test_an_animated_webp_is_as_lossy_as_its_first_frame(tmp_path, lossless, form):
    first, *rest = [Image.new("RGB", (20, 10), (9 * index, 0, 0)) for index in range(3)]
    first.save(tmp_path / "a.webp", save_all=True, append_images=rest, lossless=lossless)
    assert lossy_format(tmp_path / "a.webp") == form


def test_a_truncated_webp_is_not_called_lossy(tmp_path):
    (tmp_path / "a.webp").write_bytes(b"RIFF\x10\0\0\0WEBPVP8X")
    assert not is_lossy_webp(tmp_path / "a.webp")


def test_a_film_cut_behind_its_header_is_not_called_lossy(tmp_path, make_film):
    film = make_film(tmp_path / "film.mkv")
    film.write_bytes(film.read_bytes()[:3000])
    assert lossy_format(film) is None
