"""What proves a change is found in pictures, parts of them, JPEGs and films; photographs are accused of nothing."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from stegnet import capacity
from stegnet.video import read_frames
from tests.support.films import encode
from tests.support.jpegs import jpeg_cover, lossy_history

COPY = "a copy of one that was saved with loss"
FOLLOWS = "a picture whose samples follow from others, as after enlarging or toning"
LACKS_COLOURS = "a picture that lacks some colours, as after a change of its saturation"
LACKS_LEVELS = "a picture that lacks some levels, as after a change of its contrast"
REPEATS = "a picture that repeats itself, as tiles or a mirror image"
FLAT = "a picture of flat areas"
OTHER_GRID = "a JPEG of a picture that was a JPEG before, on another grid"


def scene(seed: int, height: int = 384, width: int = 512, noise: float = 1.5) -> np.ndarray:
    """A photograph, (height, width, 3) uint8: blurred shapes and texture of many sizes in its colours, with noise."""
    random = np.random.default_rng(seed)
    light = np.zeros((height, width, 3))
    for size in (2, 4, 8, 16, 64):
        coarse = random.normal(size=(height // size + 2, width // size + 2, 3)) @ random.normal(size=(3, 3))
        layer = [Image.fromarray(coarse[..., channel].astype(np.float32)) for channel in range(3)]
        fine = [np.asarray(each.resize((width, height), Image.Resampling.BICUBIC)) for each in layer]
        light += np.stack(fine, -1) * size**0.7 * 1.5
    return to_uint8(120 + light + random.normal(size=light.shape) * noise)


def to_uint8(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def saved(picture: np.ndarray, form: str, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, form, **options)
    return file.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def through(picture: np.ndarray, form: str, mode: str = "RGB", **options: object) -> np.ndarray:
    """A picture as a decoder gives it."""
    return decoded(saved(picture, form, mode, **options))


def resized(picture: np.ndarray, factor: float, method: Image.Resampling) -> np.ndarray:
    height, width = picture.shape[:2]
    return np.asarray(Image.fromarray(picture).resize((round(width * factor), round(height * factor)), method))


def mosaic(picture: np.ndarray) -> np.ndarray:
    """A picture of which a sample of each pixel is kept (RGGB), the others filled in linearly."""
    kept = np.zeros((*picture.shape[:2], 3))
    kept[::2, ::2, 0] = kept[1::2, 1::2, 2] = kept[::2, 1::2, 1] = kept[1::2, ::2, 1] = 1
    values = np.pad(picture * kept, ((1, 1), (1, 1), (0, 0)), "reflect")
    around = [(values[1:-1, :-2] + values[1:-1, 2:]) / 2, (values[:-2, 1:-1] + values[2:, 1:-1]) / 2]
    corners = (values[:-2, :-2] + values[2:, 2:] + values[:-2, 2:] + values[2:, :-2]) / 4
    filled = np.where(kept > 0, picture, sum(around) + corners)
    filled[..., 1] = np.where(kept[..., 1] > 0, picture[..., 1], sum(around)[..., 1] / 2)
    return to_uint8(filled)


def turned_hue(picture: np.ndarray, by: int) -> np.ndarray:
    """A picture of strong colours, whose hue, in 8 bits, is another."""
    strong = to_uint8(
        128 + 4.0 * (picture - picture.mean(2, keepdims=True)) + np.random.default_rng(2).normal(0, 1, picture.shape)
    )
    hue, *others = Image.fromarray(strong).convert("HSV").split()
    return np.asarray(Image.merge("HSV", [hue.point(lambda value: (value + by) % 256), *others]).convert("RGB"))


PHOTOGRAPH = scene(0)
GREY = np.repeat(PHOTOGRAPH.mean(2, keepdims=True).astype(np.uint8), 3, 2)
JPEG = through(PHOTOGRAPH, "JPEG", quality=85)
BILINEAR, BICUBIC, NEAREST = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST
HALF = PHOTOGRAPH[:, :256]
DITHERED = to_uint8(255.0 * (np.random.default_rng(0).integers(0, 256, PHOTOGRAPH.shape) < PHOTOGRAPH))
NOISE = np.random.default_rng(1).normal(0, 1, PHOTOGRAPH.shape)


def captioned(picture: np.ndarray) -> np.ndarray:
    """A picture with a band of other samples, and a border."""
    other = picture.copy()
    other[-80:] = scene(7, 80, picture.shape[1], 30)
    return np.pad(other, ((9, 9), (9, 9), (0, 0)), constant_values=255)


# Kinds whose change is proof, and the words for each.
FOUND = {
    "JPEG": (JPEG, COPY),
    "JPEG, cropped": (JPEG[3:, 5:], COPY),
    "JPEG, turned": (np.rot90(JPEG), COPY),
    "JPEG, negative": (255 - JPEG, COPY),
    "JPEG, brighter": (to_uint8(JPEG.astype(int) + 10), COPY),
    "JPEG 95 4:4:4": (through(PHOTOGRAPH, "JPEG", quality=95, subsampling=0), COPY),
    "JPEG 95, captioned": (captioned(through(PHOTOGRAPH, "JPEG", quality=95)), COPY),
    "JPEG, beside a photograph": (np.hstack([JPEG[:, :256], scene(3)[:, 256:]]), COPY),
    "JPEG, with less contrast": (to_uint8(JPEG * 0.7 + 60), COPY),
    "grey JPEG": (through(PHOTOGRAPH, "JPEG", "L", quality=90), COPY),
    "JPEG 100": (through(PHOTOGRAPH, "JPEG", quality=100, subsampling=0), COPY),
    "WebP": (through(PHOTOGRAPH, "WEBP", quality=80), COPY),
    "AVIF": (through(PHOTOGRAPH, "AVIF", quality=80), COPY),
    "AVIF, captioned": (captioned(through(PHOTOGRAPH, "AVIF", quality=80)), COPY),
    "more saturation": (to_uint8(1.5 * PHOTOGRAPH - 0.5 * PHOTOGRAPH.mean(2, keepdims=True)), LACKS_COLOURS),
    "turned hue": (turned_hue(PHOTOGRAPH, 20), LACKS_COLOURS),
    "GIF": (through(PHOTOGRAPH, "GIF"), LACKS_LEVELS),
    "16 levels": (PHOTOGRAPH // 16 * 17, LACKS_LEVELS),
    "1 bit": (DITHERED, LACKS_LEVELS),
    "more contrast": (to_uint8(PHOTOGRAPH * 1.25 - 32), LACKS_LEVELS),
    "more contrast in red": (to_uint8(PHOTOGRAPH * [1.3, 1, 1]), LACKS_LEVELS),
    "gamma": (to_uint8(255 * (PHOTOGRAPH / 255) ** 0.6), LACKS_LEVELS),
    "brown": (to_uint8(PHOTOGRAPH @ [[0.39, 0.35, 0.27], [0.77, 0.69, 0.53], [0.19, 0.17, 0.13]]), FOLLOWS),
    "blue from both": (np.dstack([PHOTOGRAPH[..., :2], PHOTOGRAPH[..., :2].mean(2).astype(np.uint8)]), LACKS_COLOURS),
    "enlarged linearly": (resized(PHOTOGRAPH, 2, BILINEAR), FOLLOWS),
    "enlarged 1.5 times": (resized(PHOTOGRAPH, 1.5, BILINEAR), FOLLOWS),
    "enlarged by cubes": (resized(PHOTOGRAPH, 2, BICUBIC), FOLLOWS),
    "enlarged without a filter": (resized(PHOTOGRAPH, 3, NEAREST), FOLLOWS),
    "enlarged by a fourth without a filter": (resized(PHOTOGRAPH, 1.25, NEAREST), FOLLOWS),
    "demosaiced": (mosaic(PHOTOGRAPH), FOLLOWS),
    "rows filled in": (np.stack([PHOTOGRAPH[:-2:2], to_uint8((PHOTOGRAPH[:-2:2].astype(int) + PHOTOGRAPH[2::2]) / 2)],
                                1).reshape(-1, 512, 3), FOLLOWS),
    "blurred": (np.asarray(Image.fromarray(PHOTOGRAPH).filter(ImageFilter.GaussianBlur(2))), FOLLOWS),
    "mirrored": (np.hstack([HALF, HALF[:, ::-1]]), REPEATS),
    "mirrored, upside down": (np.vstack([HALF, HALF[::-1]]), REPEATS),
    "turned": (np.hstack([HALF[:256], np.rot90(HALF[:256])]), REPEATS),
    "mirrored, with less contrast": (np.hstack([HALF, to_uint8(HALF[:, ::-1] * 0.8 + 20)]), REPEATS),
    "mirrored as a negative": (np.hstack([HALF, 255 - HALF[:, ::-1]]), REPEATS),
    "tiles": (np.tile(PHOTOGRAPH[:190, :250], (2, 2, 1)), REPEATS),
    "red is later green": (np.dstack([np.roll(PHOTOGRAPH[..., 1], 9, 1), PHOTOGRAPH[..., 1:]]), REPEATS),
    "gradient": (np.indices((256, 256, 3))[0].astype(np.uint8), FLAT),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOUND)
def test_what_proves_a_change_is_found(tmp_path: Path, kind):
    pixels, words = FOUND[kind]
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "a.png")
    assert lossy_history(tmp_path / "a.png") == words


PLAIN = {
    "photograph": PHOTOGRAPH,
    "other photographs": scene(1),
    "large": scene(2, 1100, 1400),
    "small": scene(3, 256, 256),
    "tiny": GREY[:5, :7],
    "grey": GREY,
    "dark": to_uint8(scene(4, noise=6) * 0.2),
    "noisy": scene(5, noise=12),
    "smooth": to_uint8(resized(scene(6)[::8, ::8], 8, BICUBIC) + 0.8 * NOISE),
    "clipped": to_uint8(scene(7).astype(int) * 2.0 - 120 + NOISE),
    "a JPEG that was reduced": resized(through(scene(8, 800, 1000), "JPEG", quality=85), 0.5, Image.Resampling.LANCZOS),
    "a JPEG that was reduced a little": resized(JPEG, 0.8, Image.Resampling.LANCZOS),
}  # fmt: skip


@pytest.mark.parametrize("kind", PLAIN)
def test_photographs_are_accused_of_nothing(tmp_path: Path, kind):
    Image.fromarray(PLAIN[kind]).save(tmp_path / "a.png")
    assert lossy_history(tmp_path / "a.png") is None


def turned_back(data: bytes, quality: int) -> bytes:
    """A JPEG of a JPEG's pixels, turned, whose grid is another then."""
    return saved(np.rot90(decoded(data)[:-3, :-5]), "JPEG", quality=quality)


SHARPENED = np.asarray(Image.fromarray(mosaic(PHOTOGRAPH)).filter(ImageFilter.UnsharpMask(1, 60)))
JPEGS = {
    "75, cropped, 95": (saved(through(PHOTOGRAPH, "JPEG", quality=75)[3:, 5:], "JPEG", quality=95), OTHER_GRID),
    "80, cropped, 90": (saved(through(PHOTOGRAPH, "JPEG", quality=80)[1:, 6:], "JPEG", quality=90), OTHER_GRID),
    "85, cropped in one direction, 95": (saved(JPEG[:, 3:], "JPEG", quality=95), OTHER_GRID),
    "80, turned, 95": (turned_back(saved(PHOTOGRAPH, "JPEG", quality=80), 95), OTHER_GRID),
    "75, cropped, captioned, 95": (
        saved(captioned(through(PHOTOGRAPH, "JPEG", quality=75)[2:, 4:]), "JPEG", quality=95),
        OTHER_GRID,
    ),
    "60, then 90": (
        saved(through(PHOTOGRAPH, "JPEG", quality=60), "JPEG", quality=90),
        "a JPEG that was saved before with coarser tables",
    ),
    "mirrored": (
        saved(np.hstack([HALF, HALF[:, ::-1]]), "JPEG", quality=90),
        "a JPEG that repeats itself, as tiles or a mirror image",
    ),
    **{
        f"quality {quality}": (saved(PHOTOGRAPH, "JPEG", quality=quality), None) for quality in (50, 75, 85, 90, 95, 97)
    },
    "a photograph that was sharpened": (
        saved(
            np.asarray(Image.fromarray(mosaic(PHOTOGRAPH)).filter(ImageFilter.UnsharpMask(1, 60))), "JPEG", quality=93
        ),
        None,
    ),
    "reduced": (saved(PLAIN["a JPEG that was reduced a little"], "JPEG", quality=90), None),
}


@pytest.mark.parametrize("kind", JPEGS)
def test_jpegs_that_stay_jpegs(tmp_path: Path, kind):
    data, words = JPEGS[kind]
    (tmp_path / "a.jpg").write_bytes(data)
    assert jpeg_cover(tmp_path / "a.jpg", 90).history == words


def safe_bytes(path: Path, method: str) -> int:
    """The bytes that are hard to find in a cover, by a method for any file."""
    fits = [fit for fit in capacity(path) if fit.method == method and fit.what.startswith("any file")]
    return fits[0].safe or 0


def test_premultiplied_colours(tmp_path: Path):
    """Colours that were multiplied by their opacity leave levels out; others with opacity don't."""
    opacity = np.rint(np.abs(np.linspace(-250, 250, 512))).astype(np.uint8)[None].repeat(384, 0)
    multiplied = np.rint(PHOTOGRAPH * (opacity[..., None] / 255))
    divided = to_uint8(multiplied * 255 / np.maximum(opacity, 1)[..., None])
    for colours, hard in ((PHOTOGRAPH, True), (divided, False)):
        Image.fromarray(np.dstack([colours, opacity])).save(tmp_path / "a.png")
        assert bool(safe_bytes(tmp_path / "a.png", "transparent")) == hard


def test_films_are_asked_in_their_middle(tmp_path: Path):
    """Black frames at the start and captions hide nothing; frames with noise of their own are accused of nothing."""
    coded = encode(tmp_path / "a.mp4", [scene(seed) for seed in range(6)], codec="libx264", pix_fmt="yuv420p")
    frames = list(read_frames(coded, as_ffmpeg=True))
    copied, still = "a film that was copied from one with loss", "a film whose frames repeat others"
    kinds = {
        "copied": (frames, copied),
        "captioned": ([captioned(frame)[:386, :530] for frame in frames], copied),
        "black first": ([np.zeros_like(PHOTOGRAPH)] * 2 + frames, copied),
        "doubled": ([scene(seed // 2) for seed in range(6)], still),
        "plain": ([scene(seed) for seed in range(6)], None),
    }
    for words, (pictures, history) in kinds.items():
        film = encode(tmp_path / f"{words}.mkv", pictures)
        assert lossy_history(film) == history, words


def test_a_quiet_band_leaves_a_number_of_bytes(tmp_path: Path):
    """The more of the spectrum is at the level of rounding, the fewer bytes are hard to find; at last none."""
    safe = []
    for factor in (1, 1.2, 1.5):
        Image.fromarray(resized(scene(9, 700, 900), factor, Image.Resampling.LANCZOS)).save(tmp_path / "a.png")
        safe.append(safe_bytes(tmp_path / "a.png", "sealed"))
    assert safe[0] > safe[1] > safe[2] == 0
