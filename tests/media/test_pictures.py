import numpy as np
import pytest
from PIL import Image

from stegnet.errors import MediaError
from stegnet.media import read_note, read_picture, resize, write_png


@pytest.mark.parametrize("note", [None, b"", b"\0sealed\xff", bytes(100_000)])
def test_png_and_note_come_back(tmp_path, picture, note):
    pixels = picture(61, 97)
    write_png(tmp_path / "a.png", pixels, note)
    write_png(tmp_path / "b.png", pixels, note)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), pixels)
    assert read_note(tmp_path / "a.png") == note
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_picture_of_another_format_has_no_note(tmp_path, picture):
    Image.fromarray(picture(16, 16)).save(tmp_path / "a.jpg")
    assert read_note(tmp_path / "a.jpg") is None


def test_exif_turns(tmp_path):
    image = Image.new("RGB", (20, 10), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").shape == (20, 10, 3)


@pytest.mark.parametrize(
    ("mode", "colour", "shown"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("LA", (0, 0), (255, 255, 255)),
        ("I;16", 65535, (255, 255, 255)),
        ("I;16", 257 * 100, (100, 100, 100)),
        ("I", 257 * 100, (100, 100, 100)),
    ],
)
def test_every_mode_becomes_rgb(tmp_path, mode, colour, shown):
    path = tmp_path / "a.tif"
    Image.new(mode, (9, 8), colour).save(path)
    pixels = read_picture(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (8, 9, 3)
    assert tuple(pixels[3, 3]) == shown


def test_a_transparent_palette_is_seen_over_white(tmp_path):
    Image.new("P", (9, 8), 0).save(tmp_path / "a.png", transparency=0)
    assert (read_picture(tmp_path / "a.png") == 255).all()


def test_half_transparent_is_half_white(tmp_path):
    Image.new("RGBA", (9, 8), (0, 0, 0, 128)).save(tmp_path / "a.png")
    assert tuple(read_picture(tmp_path / "a.png")[0, 0]) == (127, 127, 127)


def test_floats_are_refused(tmp_path):
    Image.new("F", (8, 8), 0.5).save(tmp_path / "a.tif")
    with pytest.raises(MediaError, match="floating-point"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tif", "bmp"])
def test_truncated_pictures_are_refused(tmp_path, picture, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture(64, 96)).save(path)
    data = path.read_bytes()
    for size in (len(data) // 2, len(data) // 4):
        path.write_bytes(data[:size])
        with pytest.raises(MediaError, match=r"a\..*(damaged|not a picture)"):
            read_picture(path)


def test_what_is_not_a_picture(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(MediaError, match="not a picture"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(MediaError, match="no such file"):
        read_picture(tmp_path / "b.png")
    with pytest.raises(MediaError, match="not a picture"):
        read_picture(tmp_path)


def test_resize(picture):
    pixels = picture(40, 60)
    assert resize(pixels, 40, 60) is pixels
    assert resize(pixels, 61, 97).shape == (61, 97, 3)
    checks = np.indices((64, 64)).sum(0)[..., None].repeat(3, -1) % 2 * 255
    assert np.abs(resize(checks.astype(np.uint8), 16, 16).astype(int) - 127).max() < 16
