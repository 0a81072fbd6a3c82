from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from stegnet.errors import MediaError
from stegnet.media import read_frames, scan


@pytest.mark.parametrize(("height", "width"), [(64, 96), (61, 97), (8, 8)])
def test_lossless_rgb_comes_back(tmp_path, make_film, picture, height, width):
    path = make_film(tmp_path / "a.mkv", 5, height, width)
    info = scan(path)
    assert (info.width, info.height, len(info.pts), info.sound) == (width, height, 5, ())
    for index, frame in enumerate(read_frames(path)):
        assert frame.dtype == np.uint8
        np.testing.assert_array_equal(frame, picture(height, width, index))


def test_b_frames_come_in_order(tmp_path, make_film, picture):
    path = make_film(tmp_path / "a.mp4", 20, codec="libx264", pix_fmt="yuv444p")
    assert [stamp * 25 for stamp in scan(path).times] == list(range(20))
    for index, frame in enumerate(read_frames(path)):
        assert np.abs(frame.astype(int) - picture(64, 96, index)).mean() < 8


def test_variable_rate_is_exact(tmp_path, make_film):
    stamps = [0, 1001, 1002, 5000, 90_001]
    path = make_film(
        tmp_path / "a.mp4",
        codec="libx264",
        pix_fmt="yuv420p",
        stamps=stamps,
        time_base=Fraction(1, 90_000),
    )
    assert list(scan(path).times) == [Fraction(stamp, 90_000) for stamp in stamps]


def test_a_raw_stream_has_no_time_stamps(tmp_path, make_film):
    path = make_film(tmp_path / "a.h264", codec="libx264", pix_fmt="yuv420p")
    assert list(scan(path).times) == [Fraction(index, 25) for index in range(6)]


@pytest.mark.parametrize(("turn", "shown"), [(90, 1), (180, 2), (-90, 3), (0, 0)])
def test_the_display_matrix_turns(tmp_path, make_film, turn, shown):
    """A matrix that turns by 90° counter-clockwise shows np.rot90 of the frame."""
    plain = make_film(tmp_path / "a.mp4", 2, codec="libx264", pix_fmt="yuv444p")
    turned = make_film(tmp_path / "b.mp4", 2, codec="libx264", pix_fmt="yuv444p", turn=turn)
    expected = np.rot90(next(read_frames(plain)), shown)
    np.testing.assert_array_equal(next(read_frames(turned)), expected)
    info = scan(turned)
    assert (info.height, info.width) == expected.shape[:2]


def test_the_display_matrix_flips(tmp_path, make_film):
    make_film(tmp_path / "a.mkv", 1)
    with av.open(str(tmp_path / "a.mkv")) as source, av.open(str(tmp_path / "b.mp4"), "w") as film:
        stream = film.add_stream("libx264rgb", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "bgr24"
        stream.set_display_rotation(0, hflip=True)
        for frame in source.decode(video=0):
            film.mux(stream.encode(frame.reformat(format="bgr24")))
        film.mux(stream.encode(None))
    original = next(read_frames(tmp_path / "a.mkv"))
    np.testing.assert_array_equal(next(read_frames(tmp_path / "b.mp4")), original[:, ::-1])


# Y′CbCr of pure red, from the matrices of ITU-R BT.601-7 and BT.709-6.
RED = {
    (6, 1): (81, 90, 240),
    (1, 1): (63, 102, 240),
    (6, 2): (76, 85, 255),
    (1, 2): (54, 99, 255),
}


@pytest.mark.parametrize(("matrix", "levels"), list(RED))
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_colours_follow_the_tags(tmp_path, matrix, levels, pix_fmt):
    path = flat_film(tmp_path / "a.mkv", RED[matrix, levels], pix_fmt, matrix, levels)
    assert np.abs(next(read_frames(path)).astype(int) - [255, 0, 0]).max() <= 2


@pytest.mark.parametrize(("height", "matrix"), [(64, 6), (720, 1)])
def test_colours_without_tags_follow_the_size(tmp_path, height, matrix):
    path = flat_film(tmp_path / "a.mkv", RED[matrix, 1], "yuv420p", 2, 0, height)
    assert np.abs(next(read_frames(path)).astype(int) - [255, 0, 0]).max() <= 2


def flat_film(path, colour, pix_fmt, matrix, levels, height=64):
    with av.open(str(path), "w") as film:
        stream = film.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, height, pix_fmt
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, levels
        frame = av.VideoFrame(64, height, pix_fmt)
        for plane, level in zip(frame.planes, colour, strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        frame.colorspace, frame.color_range = matrix, levels
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["gif", "png", "avif"])
def test_animations_keep_their_times(tmp_path, picture, suffix):
    first, *others = [Image.fromarray(picture(32, 48, seed)) for seed in range(4)]
    path = tmp_path / f"a.{suffix}"
    first.save(path, save_all=True, append_images=others, duration=[100, 200, 50, 300])
    assert [round(time * 1000) for time in scan(path).times] == [0, 100, 300, 350]
    assert len(list(read_frames(path))) == 4


def test_ten_bits(tmp_path, make_film, picture):
    path = make_film(tmp_path / "a.mkv", 1, pix_fmt="yuv420p10le")
    assert np.abs(next(read_frames(path)).astype(int) - picture(64, 96)).mean() < 6


def test_what_has_no_frames(tmp_path, make_film):
    (tmp_path / "a.mp4").write_text("text")
    with pytest.raises(MediaError, match="neither"):
        scan(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match="no such file"):
        scan(tmp_path / "b.mp4")
    path = make_film(tmp_path / "c.mp4", codec="libx264", pix_fmt="yuv420p")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MediaError, match=r"neither|damaged|no frames"):
        scan(path)


def test_a_tag_can_not_make_a_path_a_protocol(tmp_path, make_film, monkeypatch):
    make_film(tmp_path / "a.mkv").rename(tmp_path / "data:a.mkv")
    monkeypatch.chdir(tmp_path)
    assert len(scan(type(tmp_path)("data:a.mkv")).pts) == 6
