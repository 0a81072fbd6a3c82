from PIL import Image

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


def test_what_is_called_lossy(tmp_path, make_film):
    """An animated WebP is as its first frame; nothing that is cut short is called so."""
    first, *rest = [Image.new("RGB", (20, 10), (9 * index, 0, 0)) for index in range(3)]
    for lossless, form in ((True, None), (False, "a lossy WebP")):
        first.save(tmp_path / "a.webp", save_all=True, append_images=rest, lossless=lossless)
        assert lossy_format(tmp_path / "a.webp") == form
    (tmp_path / "a.webp").write_bytes(b"RIFF\x10\0\0\0WEBPVP8X")
    assert not is_lossy_webp(tmp_path / "a.webp")
    film = make_film(tmp_path / "film.mkv")
    film.write_bytes(film.read_bytes()[:3000])
    assert lossy_format(film) is None
