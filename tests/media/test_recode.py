import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from stegnet import MediaError
from stegnet.media import read_frames, write_png
from stegnet.media.films.recode import FilmCodec, recode_film, recode_picture
from tests.support.films import ffmpeg

H264, H264_444 = FilmCodec("libx264", "yuv420p"), FilmCodec("libx264", "yuv444p")
H265, H265_444 = FilmCodec("libx265", "yuv420p"), FilmCodec("libx265", "yuv444p")
REPEATS = 12  # with AVX-512, x264 encodes one film in four differently
SAMPLING = {"4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444}


@pytest.fixture
def stripes() -> np.ndarray:
    """Columns of red and equally bright green, which 4:2:0 can't represent."""
    columns = np.array([[200, 20, 20], [20, 93, 20]], np.uint8)
    return np.tile(columns, (64, 48, 1))


@pytest.mark.parametrize("sampling", SAMPLING)
def test_jpeg_matches_another_library(picture, sampling):
    original = picture(64, 96)
    for quality in (50, 90, 100):
        ours = recode_picture(original, "JPEG", quality=quality, subsampling=sampling)
        options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLING[sampling]]
        _, coded = cv2.imencode(".jpg", original[..., ::-1], options)
        theirs = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(ours.astype(int) - theirs).mean() < 0.1
        loss = [peak_signal_noise_ratio(original, one) for one in (ours, theirs)]
        assert loss[0] == pytest.approx(loss[1], abs=0.05)


@pytest.mark.parametrize(("whole", "halved"), [(H264_444, H264), (H265_444, H265)])
def test_colours_are_preserved_and_fine_chroma_needs_444(stripes, whole, halved):
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (30, 120, 200)):
        flat = np.full((64, 64, 3), colour, np.uint8)
        for codec in (whole, halved):
            (back,) = recode_film([flat], codec, 5)
            assert np.abs(back.astype(int) - flat).max() <= 3
    losses = [peak_signal_noise_ratio(stripes, recode_film([stripes], codec, 5)[0]) for codec in (whole, halved)]
    assert losses[0] > 35
    assert losses[1] < 20


def test_h264_matches_ffmpegs_command_line(picture, tmp_path):
    """The same encoder and rate factor, run by ffmpeg."""
    frames = [picture(64, 96, seed) for seed in range(8)]
    for index, frame in enumerate(frames):
        write_png(tmp_path / f"{index}.png", frame)
    colours = "-vf scale=out_color_matrix=bt709:out_range=tv:flags=bicubic -colorspace bt709"
    coding = f"{colours} -c:v libx264 -crf 18 -pix_fmt yuv420p"
    ffmpeg(f"-framerate 25 -i {tmp_path}/%d.png", tmp_path / "film.mkv", coding)
    theirs, ours = list(read_frames(tmp_path / "film.mkv")), recode_film(frames, H264, 18)
    loss = [
        np.mean([peak_signal_noise_ratio(*each) for each in zip(frames, film, strict=True)]) for film in (ours, theirs)
    ]
    assert loss[0] == pytest.approx(loss[1], abs=0.3)


@pytest.mark.parametrize("codec", [H264, H265])
def test_frames_are_in_order_and_deterministic(codec, picture):
    """Of a film with B-frames, each time."""
    frames = [picture(64, 96, seed) for seed in range(9)]
    back = recode_film(frames, codec, 10)
    nearest = [int(np.argmax([peak_signal_noise_ratio(frame, one) for frame in frames])) for one in back]
    assert nearest == list(range(9))
    for _ in range(REPEATS):
        assert all(np.array_equal(*each) for each in zip(back, recode_film(frames, codec, 10), strict=True))


def test_what_a_format_can_not_hold(picture):
    with pytest.raises(MediaError, match="libx264"):
        recode_film([np.zeros((63, 65, 3), np.uint8)], H264, 18)
    with pytest.raises(MediaError, match="can't be made JPEG"):
        recode_picture(np.zeros((1, 70_000, 3), np.uint8), "JPEG")
    assert np.array_equal(recode_picture(picture(64, 96), "WEBP", lossless=True), picture(64, 96))
