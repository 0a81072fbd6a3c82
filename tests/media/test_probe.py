import av
import numpy as np
import pytest
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.media import FILM, PICTURE, kind, lossy_format
from stegnet.media.signature import is_lossy_webp


def stills(picture, count):
    return [Image.fromarray(picture(32, 48, seed)) for seed in range(count)]


def test_animations_are_films_and_stills_and_pages_are_pictures(tmp_path, picture):
    first, *others = stills(picture, 3)
    for suffix in ("gif", "png", "webp", "jpg", "bmp", "tif", "ico", "ppm"):
        first.save(tmp_path / f"a.{suffix}")
        assert kind(tmp_path / f"a.{suffix}") == PICTURE
    for suffix, expected in {"gif": FILM, "png": FILM, "webp": FILM, "tif": PICTURE}.items():
        first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=others)
        assert kind(tmp_path / f"a.{suffix}") == expected


def test_films_are_known_without_their_suffix(tmp_path, make_film):
    coded = {"mkv": "ffv1", "mp4": "libx264", "avi": "mpeg4", "mpg": "mpeg1video", "m1v": "mpeg1video"}
    for suffix, codec in coded.items():
        path = make_film(tmp_path / f"a.{suffix}", codec=codec, pix_fmt="bgr0" if codec == "ffv1" else "yuv420p")
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


def test_what_is_neither_is_refused(tmp_path, make_film):
    make_film(tmp_path / "b.mkv")
    texts = dict.fromkeys(("a.mp4", "a.txt", "a.png", "a.nfo"), "This is a text.\n" * 50)
    for name, text in (texts | {"list.mp4": "ffconcat version 1.0\nfile b.mkv\n"}).items():
        (tmp_path / name).write_text(text)
        with pytest.raises(MediaError, match="neither a picture nor a film"):
            kind(tmp_path / name)
    (tmp_path / "a.mp4").write_bytes(b"")
    for name, message in {"a.mp4": "the file is empty", ".": "not a file", "none": "no such"}.items():
        with pytest.raises(MediaError, match=message):
            kind(tmp_path / name)


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
