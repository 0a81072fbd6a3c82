"""Files in a lossy format are recognised, and no others."""

import numpy as np
from PIL import Image

from stegnet.media.cover import probe
from tests.support.jpegs import lossy_history


def test_of_films(tmp_path, make_film):
    coded = make_film(tmp_path / "a.mp4", 2, codec="libx264", pix_fmt="yuv420p")
    assert lossy_history(coded) == "a film in YCbCr (h264)"
    assert lossy_history(make_film(tmp_path / "b.mkv", 2)) is None


def test_what_is_called_lossy(tmp_path, make_film):
    """Nothing that is cut short is called so."""
    first = Image.new("RGB", (20, 10))
    for lossless, form in ((True, None), (False, "a lossy WebP")):
        first.save(tmp_path / "a.webp", lossless=lossless)
        assert probe(tmp_path / "a.webp").lossy_format == form
    for compression, form in (("jpeg", "a lossy TIFF"), ("tiff_lzw", None)):
        first.save(tmp_path / "a.tif", compression=compression)
        assert probe(tmp_path / "a.tif").lossy_format == form
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    for ratio, irreversible in ((0, False), (20, False), (2, True)):
        noise.save(tmp_path / "a.jp2", irreversible=irreversible, quality_layers=[ratio] if ratio else None)
        assert probe(tmp_path / "a.jp2").lossy_format == ("a lossy JPEG 2000" if ratio else None)
    film = make_film(tmp_path / "film.mkv")
    film.write_bytes(film.read_bytes()[:3000])
    assert probe(film).lossy_format is None
