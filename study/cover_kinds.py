"""Kinds of covers: what people do with photographs, films and recordings before anything is hidden in them.

A kind makes a file of a source that never was saved with loss. `PLAIN` ones are as a camera or a recorder saves them.
Each of the others carries a relation, a grid or an empty band that a single change can break.
"""

import io
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from PIL import Image, ImageDraw, ImageFilter

from pipeline.prepare.downloads import photograph_jobs
from stegnet.core.errors import DataError
from stegnet.formats.ffmpeg_cli import bundled_ffmpeg
from stegnet.image.pictures import read_picture
from study.photograph_pairs import photographs_in

PICTURE, FILM, SOUND = "picture", "film", "sound"
FRAMES, FRAME_RATE = 12, 25  # of a film
SECONDS = 6  # of a recording, at most
_LEAST_SECONDS = 2
_LEAST_SIDE = 160  # pixels of a photograph that was reduced to half
_MOST_SIDE = 640
_NOISE = 1.5  # standard deviation of a sensor's noise, in levels, at a level of 64


@dataclass(frozen=True)
class Recording:
    """Samples, (n, channels) int32, as signed integers of `bits` bits."""

    samples: np.ndarray
    rate: int
    bits: int = 16


@dataclass(frozen=True)
class Kind:
    """What is done to a source before it becomes a cover.

    Attributes:
        name: in tables.
        about: a sentence.
        medium: PICTURE, FILM or SOUND.
        suffix: of the file.
        make: returns a file of a photograph, (H, W, 3) uint8, or of a Recording.
        plain: whether no trace should be found.
    """

    name: str
    about: str
    medium: str
    suffix: str
    make: Callable[..., bytes]
    plain: bool = False


# Sources.


def photographs(catalogue: Path, folder: Path | None = None) -> Iterator[np.ndarray]:
    """Yield photographs without a lossy past, (H, W, 3) uint8, those in a folder first, then those of packages.

    Each is reduced to half or less, and gets a sensor's noise. They come again as crops when all were given once.
    """
    for turn in count():
        found = False
        for number, picture in enumerate(_pictures(catalogue, folder)):
            random = np.random.default_rng([turn, number])
            height, width = (
                max(2, round(side / 2 * min(1, 2 * _MOST_SIDE / max(picture.shape)))) for side in picture.shape[:2]
            )
            if min(height, width) < _LEAST_SIDE:
                continue
            found = True
            image = Image.fromarray(picture).resize((width, height), Image.Resampling.BOX)
            pixels = np.asarray(image)[8 * turn :, 8 * turn :]
            yield sensor(pixels, random)
        if not found:
            raise DataError(f"{folder}: no photograph of {2 * _LEAST_SIDE} pixels or more")


def _pictures(catalogue: Path, folder: Path | None) -> Iterator[np.ndarray]:
    for path in photographs_in(folder) if folder else ():
        yield read_picture(path)[..., :3]
    for job in photograph_jobs(catalogue):
        for picture in job():
            yield picture.pixels


def sensor(pixels: np.ndarray, random: np.random.Generator, strength: float = _NOISE) -> np.ndarray:
    """Add noise whose variance grows with light, (H, W, 3) uint8."""
    light = pixels.astype(float)
    return _uint8(light + random.normal(size=light.shape) * strength * np.sqrt((light + 16) / 80))


def recordings(folder: Path | None = None) -> Iterator[Recording]:
    """Yield recordings: 16-bit WAV and FLAC files in or below a folder, or else plucked strings in a noisy room."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac")) if folder else []
    for path in paths:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
        if soundfile.info(path).subtype == "PCM_16" and len(samples) >= _LEAST_SECONDS * rate:
            yield Recording(samples[: SECONDS * rate].astype(np.int32), rate)
    yield from (_strings(seed) for seed in count())


def _strings(seed: int, rate: int = 44100) -> Recording:
    """Return two channels of plucked strings (Karplus and Strong 1983), each with a microphone's noise of its own."""
    random = np.random.default_rng(seed)
    sound = np.zeros((SECONDS * rate, 2))
    for start in range(0, len(sound) - rate, rate // 3):
        period = int(random.integers(60, 300))
        note = np.zeros(rate)
        note[:period] = random.normal(size=period)
        for end in range(period, rate, period):
            before = note[end - period : end]
            rest = min(period, rate - end)
            note[end : end + rest] = (0.498 * (before + np.roll(before, 1)))[:rest]
        sound[start : start + rate] += note[:, None] * random.uniform(800, 3000, 2)
    echo = np.concatenate([np.zeros((1500, 2)), sound[:-1500, ::-1] * 0.3])
    noise = random.normal(size=sound.shape) * random.uniform(4, 12)
    return Recording(_clipped(sound + echo + noise, 16), rate)


# Files.


def png(pixels: np.ndarray) -> bytes:
    """Return (H, W) or (H, W, channels) uint8 as a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def jpeg(pixels: np.ndarray, quality: int, subsampling: str = "4:2:0", **options: bool) -> bytes:
    """Return (H, W, 3) uint8 as a JPEG by Pillow."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling, **options)
    return file.getvalue()


def saved(pixels: np.ndarray, form: str, **options: object) -> bytes:
    """Return (H, W, 3) uint8 in another form that Pillow writes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """Return the pixels of a picture, (H, W, 3) uint8."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"))


def by_program(data: bytes, suffix: str, out_suffix: str, *command: str) -> bytes:
    """Return what a program writes: `{in}` and `{out}` in its command are the files."""
    with TemporaryDirectory() as folder:
        source, out = Path(folder, f"in{suffix}"), Path(folder, f"out{out_suffix}")
        source.write_bytes(data)
        filled = [word.replace("{in}", str(source)).replace("{out}", str(out)) for word in command]
        subprocess.run(filled, check=True, capture_output=True)
        return out.read_bytes()


def ffmpeg(data: bytes, suffix: str, out_suffix: str, *options: str) -> bytes:
    """Return what ffmpeg makes of a file."""
    return by_program(
        data, suffix, out_suffix, bundled_ffmpeg(), "-v", "error", "-i", "{in}", *options, "-bitexact", "{out}"
    )


def wav(recording: Recording) -> bytes:
    """Return a WAV."""
    file = io.BytesIO()
    shifted = recording.samples << (32 - recording.bits)
    soundfile.write(file, shifted, recording.rate, f"PCM_{recording.bits}", format="WAV")
    return file.getvalue()


def heard(data: bytes, bits: int = 16) -> Recording:
    """Return the samples of a WAV or FLAC."""
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int32", always_2d=True)
    return Recording(samples >> (32 - bits), rate, bits)


def moving(photograph: np.ndarray, frames: int = FRAMES) -> np.ndarray:
    """Return frames of a window that moves over a photograph, each with its own noise, (n, H, W, 3) uint8."""
    height, width = (min(256, side - 3 * FRAMES) // 16 * 16 for side in photograph.shape[:2])
    random = np.random.default_rng(0)
    places = ((2 * number, 3 * number) for number in (number % FRAMES for number in range(frames)))
    return np.stack([sensor(photograph[y : y + height, x : x + width], random, 1) for y, x in places])


def film(frames: np.ndarray, suffix: str, *options: str) -> bytes:
    """Return a film of frames, (n, H, W, 3) uint8."""
    height, width = frames.shape[1:3]
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FRAME_RATE))
    command = (bundled_ffmpeg(), "-v", "error", *raw, "-i", "{in}", *options, "-bitexact", "{out}")
    return by_program(frames.tobytes(), ".rgb", suffix, *command)


def frames_of(data: bytes, suffix: str) -> np.ndarray:
    """Return the frames of a film as ffmpeg shows them, (n, H, W, 3) uint8."""
    shown = ffmpeg(data, suffix, ".ppm", "-f", "image2pipe", "-c:v", "ppm")
    head = shown[: shown.index(b"255\n") + 4]  # "P6\n{width} {height}\n255\n", before each frame
    width, height = map(int, head.split()[1:3])
    frames = np.frombuffer(shown, np.uint8).reshape(-1, len(head) + 3 * width * height)
    return frames[:, len(head) :].reshape(-1, height, width, 3)


_FFV1 = ("-c:v", "ffv1", "-pix_fmt", "gbrp")
_H264 = ("-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p")


# What is done to pictures.


def matrix(pixels: np.ndarray, *rows: Sequence[float]) -> np.ndarray:
    """Mix the channels of (H, W, 3) uint8."""
    return _uint8(pixels @ np.array(rows, float).T)


def curve(pixels: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply a curve, of levels 0 to 255, to all samples."""
    return _uint8(change(np.arange(256.0)))[pixels]


def resized(pixels: np.ndarray, factor: float, method: Image.Resampling) -> np.ndarray:
    """Return (H, W, C) uint8 at a multiple of its size."""
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    return np.array(Image.fromarray(pixels).resize(size, method))


def quarter(pixels: np.ndarray) -> np.ndarray:
    """Return the middle of a picture, half as high and wide."""
    height, width = pixels.shape[:2]
    return pixels[height // 4 : height // 4 + height // 2, width // 4 : width // 4 + width // 2]


def mirrored(pixels: np.ndarray) -> np.ndarray:
    """Return a picture whose right half mirrors its left half; its sides are multiples of 16."""
    height, width = (side // 16 * 16 for side in pixels.shape[:2])
    left = pixels[:height, : width // 2]
    return np.concatenate([left, left[:, ::-1]], 1)


def captioned(pixels: np.ndarray, share: float = 0.12) -> np.ndarray:
    """Write a line of text on a band of a share of the height, of a colour that runs from dark to light."""
    image = Image.fromarray(pixels)
    height = round(image.height * share)
    top = image.height - height
    band = np.add.outer(np.arange(height), np.arange(image.width) / 4).astype(int) % 97
    image.paste(Image.fromarray(np.stack([band + 11, band + 29, band + 53], 2).astype(np.uint8)), (0, top))
    ImageDraw.Draw(image).text((4, top + 2), "Greetings from the sea, wish you were here", fill=(250, 240, 180))
    return np.array(image)


def demosaiced(pixels: np.ndarray) -> np.ndarray:
    """Keep a sample of each pixel (RGGB), and fill in the others bilinearly."""
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    pixels = pixels[:height, :width].astype(float)
    seen = np.zeros(pixels.shape)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        seen[row::2, column::2, channel] = 1
    out = np.empty(pixels.shape)
    for channel in range(3):
        weighted, weights = (_spread(plane[..., channel]) for plane in (pixels * seen, seen))
        out[..., channel] = np.where(seen[..., channel] > 0, pixels[..., channel], weighted / weights)
    return _uint8(out)


def _spread(plane: np.ndarray) -> np.ndarray:
    """Weigh neighbours with 1, 2, 1 in both directions."""
    padded = np.pad(plane, 1, mode="reflect")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]


def halved_chroma(pixels: np.ndarray) -> np.ndarray:
    """Reduce the chroma to half, and enlarge it again, without any rounding but the last."""
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    light = pixels[:height, :width] @ np.array([0.299, 0.587, 0.114])
    chroma = pixels[:height, :width] - light[..., None]
    means = chroma.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
    return _uint8(light[..., None] + means.repeat(2, 0).repeat(2, 1))


def deinterlaced(pixels: np.ndarray) -> np.ndarray:
    """Replace every second row by the mean of its neighbours."""
    out = pixels.astype(float)
    out[1:-1:2] = (out[:-2:2] + out[2::2])[: len(out[1:-1:2])] / 2
    return _uint8(out)


def opacity_of(pixels: np.ndarray) -> np.ndarray:
    """Return opacity that falls from the middle to the edges, (H, W) uint8."""
    height, width = pixels.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return _uint8(np.clip(1.4 - np.hypot(y, x), 0.25, 1) * 255)


def premultiplied(pixels: np.ndarray) -> np.ndarray:
    """Return colours multiplied by their opacity, with it, (H, W, 4) uint8."""
    opacity = opacity_of(pixels)
    return np.dstack([_uint8(pixels * (opacity[..., None] / 255)), opacity])


def from_canvas(pixels: np.ndarray) -> np.ndarray:
    """Return colours that were stored multiplied by their opacity, and divided again, (H, W, 4) uint8."""
    image = premultiplied(pixels)
    opacity = image[..., 3:]
    return np.dstack([_uint8(image[..., :3] * (255 / opacity)), opacity])


def tiled(pixels: np.ndarray, side: int = 64) -> np.ndarray:
    """Return a picture that repeats a square of the first one."""
    down, across = (max(4, length // side) for length in pixels.shape[:2])
    return np.tile(pixels[32 : 32 + side, 32 : 32 + side], (down, across, 1))


def with_photograph(pixels: np.ndarray, photograph: np.ndarray) -> np.ndarray:
    """Put a photograph on another picture, off its grid of blocks; it keeps to three quarters of the sides."""
    out = pixels.copy()
    height, width = (side * 3 // 4 for side in pixels.shape[:2])
    part = photograph[:height, :width]
    out[13 : 13 + len(part), 21 : 21 + part.shape[1]] = part
    return out


def _uint8(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


# What is done to sounds.


def coded(recording: Recording, suffix: str, *options: str) -> bytes:
    """Return a WAV of what a codec left; `options` are ffmpeg's for the encoder."""
    return ffmpeg(ffmpeg(wav(recording), ".wav", suffix, *options), suffix, ".wav", "-c:a", "pcm_s16le")


def mono(recording: Recording) -> np.ndarray:
    """Return the mean of all channels, (n,) int32."""
    return np.rint(recording.samples.mean(1)).astype(np.int32)


def channels(recording: Recording, *each: np.ndarray) -> bytes:
    """Return a WAV of channels of any values, rounded."""
    samples = np.stack([_clipped(channel, recording.bits) for channel in each], 1)
    return wav(Recording(samples, recording.rate, recording.bits))


def changed(recording: Recording, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """Return a WAV of samples, (n, channels) float, that were changed, rounded."""
    samples = _clipped(change(recording.samples.astype(float)), recording.bits)
    return wav(Recording(samples, recording.rate, recording.bits))


def delayed(samples: np.ndarray, by: int, gain: float = 1) -> np.ndarray:
    """Return samples that begin later."""
    return np.concatenate([np.zeros_like(samples[:by], float), samples[:-by] * gain])


def filtered(recording: Recording, *filters: str) -> bytes:
    """Return a WAV after ffmpeg's filters."""
    return ffmpeg(wav(recording), ".wav", ".wav", "-af", ",".join(filters), "-c:a", "pcm_s16le")


def deep(recording: Recording) -> Recording:
    """Return a recording of 24 bits: its lowest bits are the noise of a better converter."""
    random = np.random.default_rng(0)
    samples = recording.samples * 256 + random.normal(size=recording.samples.shape) * 200
    return Recording(_clipped(samples, 24), recording.rate, 24)


def _clipped(values: np.ndarray, bits: int) -> np.ndarray:
    limit = 1 << (bits - 1)
    return np.clip(np.rint(values), -limit, limit - 1).astype(np.int32)


def _picture(name: str, about: str, change: Callable[[np.ndarray], np.ndarray], plain: bool = False) -> Kind:
    """Return a kind of PNG."""
    return Kind(name, about, PICTURE, ".png", lambda photograph: png(change(photograph)), plain)


def _jpeg(name: str, about: str, make: Callable[[np.ndarray], bytes], plain: bool = False) -> Kind:
    return Kind(name, about, PICTURE, ".jpg", make, plain)


def _sound(name: str, about: str, make: Callable[[Recording], bytes], plain: bool = False) -> Kind:
    return Kind(name, about, SOUND, ".wav", make, plain)


def _lossless(name: str, about: str, change: Callable[[np.ndarray], np.ndarray], plain: bool = False) -> Kind:
    """Return a kind of film that FFV1 stores; `change` gets frames, (n, H, W, 3) uint8."""
    return Kind(name, about, FILM, ".mkv", lambda photograph: film(change(moving(photograph)), ".mkv", *_FFV1), plain)


def compressed(frames: np.ndarray, suffix: str = ".mp4", *options: str) -> np.ndarray:
    """Return the frames that a lossy codec leaves, H.264 unless `options` say otherwise."""
    return frames_of(film(frames, suffix, *(options or _H264)), suffix)


def _frame(photograph: np.ndarray, suffix: str = ".mp4", *options: str) -> np.ndarray:
    """Return a photograph as a frame of a lossy film."""
    height, width = (side // 2 * 2 for side in photograph.shape[:2])
    return compressed(photograph[None, :height, :width], suffix, *options)[0]


PLAIN = (
    _jpeg("JPEG 75", "Pillow", lambda photograph: jpeg(photograph, 75), plain=True),
    _jpeg("JPEG 85", "Pillow", lambda photograph: jpeg(photograph, 85), plain=True),
    _jpeg("JPEG 92", "Pillow, 4:2:2", lambda photograph: jpeg(photograph, 92, "4:2:2"), plain=True),
    _jpeg("JPEG 95", "Pillow, 4:4:4", lambda photograph: jpeg(photograph, 95, "4:4:4"), plain=True),
    _jpeg(
        "JPEG 90 by cjpeg",
        "libjpeg, progressive",
        lambda photograph: by_program(
            saved(photograph, "PPM"),
            ".ppm",
            ".jpg",
            "cjpeg",
            "-quality",
            "90",
            "-progressive",
            "-outfile",
            "{out}",
            "{in}",
        ),
        plain=True,
    ),
    _jpeg(
        "JPEG by ImageMagick",
        "quality 88",
        lambda photograph: by_program(png(photograph), ".png", ".jpg", "convert", "{in}", "-quality", "88", "{out}"),
        plain=True,
    ),
    _jpeg(
        "JPEG by a camera",
        "demosaiced, corrected and sharpened before it is saved at 93",
        lambda photograph: jpeg(_developed(photograph), 93, "4:2:2"),
        plain=True,
    ),
    _picture("PNG", "reduced to half, with a sensor's noise", lambda photograph: photograph, plain=True),
    _picture(
        "grey PNG", "the same in grey", lambda photograph: decoded(png(photograph)).mean(2).astype(np.uint8), plain=True
    ),
    _picture(
        "transparent PNG",
        "the same with opacity that falls to the edges",
        lambda photograph: np.dstack([photograph, opacity_of(photograph)]),
        plain=True,
    ),
    _lossless("lossless film", "frames with a sensor's noise", lambda frames: frames, plain=True),
    Kind(
        "MP4",
        "H.264 at CRF 14",
        FILM,
        ".mp4",
        lambda photograph: film(moving(photograph, 96), ".mp4", *_H264, "-crf", "14"),
        plain=True,
    ),
    _sound("WAV", "16 bits", wav, plain=True),
    _sound("WAV of 24 bits", "with a converter's noise", lambda recording: wav(deep(recording)), plain=True),
    Kind(
        "FLAC",
        "16 bits",
        SOUND,
        ".flac",
        lambda recording: ffmpeg(wav(recording), ".wav", ".flac"),
        plain=True,
    ),
)


def _developed(photograph: np.ndarray) -> np.ndarray:
    """Return a photograph after what a camera does: a mosaic of colours, their correction, a curve, sharpening."""
    height, width = (side // 2 * 2 for side in photograph.shape[:2])
    linear = 255 * (photograph[:height, :width] / 255) ** 2.2
    colours = matrix(demosaiced(_uint8(linear)), (1.5, -0.4, -0.1), (-0.2, 1.4, -0.2), (0, -0.4, 1.4))
    image = Image.fromarray(curve(colours, lambda levels: 255 * (levels / 255) ** (1 / 2.2)))
    return np.array(image.filter(ImageFilter.UnsharpMask(1, 60)))


def rgb565(pixels: np.ndarray) -> np.ndarray:
    """Return a picture as a small screen shows it: 5, 6 and 5 bits, whose highest are repeated below."""
    lost = np.array([3, 2, 3])
    bits = pixels >> lost
    return (bits << lost | bits >> (8 - 2 * lost)).astype(np.uint8)


def jpeg_in_a_corner(pixels: np.ndarray) -> np.ndarray:
    """Return a picture whose lower right quarter was a JPEG of quality 85."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    made = pixels.copy()
    made[-height:, -width:] = decoded(jpeg(pixels, 85))[-height:, -width:]
    return made


def letterboxed(pixels: np.ndarray) -> np.ndarray:
    """Return a picture that was a WebP, with black bars above and below."""
    made = decoded(saved(pixels, "WebP", quality=75))
    bar = pixels.shape[0] // 5
    made[:bar] = made[-bar:] = 0
    return made


def sharp_in_the_middle(pixels: np.ndarray) -> np.ndarray:
    """Return a picture that is blurred but for a band in the middle."""
    blurred = np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(4)))
    middle = np.abs(np.linspace(-1, 1, pixels.shape[0]))[:, None, None] < 0.3
    return np.where(middle, pixels, blurred)


def collage(pixels: np.ndarray) -> bytes:
    """Return a JPEG of two JPEGs side by side, on other grids than its own."""
    left = decoded(jpeg(pixels, 75))[3:, 5:]
    right = decoded(jpeg(pixels[::-1], 80))[:-3, 2:]
    between = np.full((len(left), 9, 3), 200, np.uint8)
    return jpeg(np.concatenate([left, between, right], 1), 95)


def with_means(values: np.ndarray) -> np.ndarray:
    """Return frames or samples of which every second one is the mean of its neighbours, of the same type."""
    made = values.astype(float)
    between = made[1:-1:2]
    between[:] = (made[:-2:2] + made[2::2])[: len(between)] / 2
    return np.rint(made).astype(values.dtype)


def lossy_at_the_end(frames: np.ndarray) -> np.ndarray:
    """Return frames of which the second half was an H.264 film."""
    half = len(frames) // 2
    return np.concatenate([frames[:half], compressed(frames[half:])])


def mp3_at_the_end(recording: Recording) -> bytes:
    """Return a WAV of which the second half was an MP3."""
    lossy = heard(coded(recording, ".mp3", "-c:a", "libmp3lame", "-b:a", "192k")).samples
    length = min(len(lossy), len(recording.samples))
    samples = recording.samples[:length].copy()
    samples[length // 2 :] = lossy[length // 2 : length]
    return wav(Recording(samples, recording.rate))


_BICUBIC, _BILINEAR = Image.Resampling.BICUBIC, Image.Resampling.BILINEAR
_VP9 = ("-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0", "-pix_fmt", "yuv420p")

KINDS = (
    # Colours that a decoder can't give.
    _picture("H.264 frame", "a frame of an H.264 film, saved as PNG", _frame),
    _picture("AVIF as PNG", "an AVIF of quality 80, saved as PNG", lambda p: decoded(saved(p, "AVIF", quality=80))),
    _picture("WebP as PNG", "a WebP of quality 80, saved as PNG", lambda p: decoded(saved(p, "WebP", quality=80))),
    _picture(
        "HEVC frame",
        "a frame of an HEVC film of full range, saved as PNG",
        lambda p: _frame(
            p, ".mp4", "-c:v", "libx265", "-crf", "18", "-pix_fmt", "yuvj420p", "-x265-params", "log-level=0"
        ),
    ),
    _picture("JPEG 100 as PNG", "a JPEG of quality 100, saved as PNG", lambda p: decoded(jpeg(p, 100, "4:4:4"))),
    _picture("captioned JPEG", "a JPEG 95 with a caption, saved as PNG", lambda p: captioned(decoded(jpeg(p, 95)))),
    _picture(
        "JPEG on a page",
        "a JPEG 90 on three quarters of another picture, saved as PNG",
        lambda p: with_photograph(p, decoded(jpeg(p[::-1, ::-1], 90))),
    ),
    _lossless("decoded film", "an H.264 film, stored without loss", compressed),
    _lossless(
        "black frames first",
        "an H.264 film after two black frames, stored without loss",
        lambda frames: compressed(np.concatenate([np.zeros_like(frames[:2]), frames])),
    ),
    _lossless(
        "captioned film",
        "an H.264 film with a caption in each frame, stored without loss",
        lambda frames: np.stack([captioned(frame, 0.2) for frame in compressed(frames)]),
    ),
    # Levels that are left out.
    _picture("16 levels", "multiples of 17", lambda p: curve(p, lambda levels: np.rint(levels / 17) * 17)),
    _picture("more contrast", "a gain of 1.25 around the middle", lambda p: curve(p, lambda x: (x - 128) * 1.25 + 128)),
    _picture(
        "brighter by a curve",
        "gamma 1.5, which leaves out dark levels",
        lambda p: curve(p, lambda x: 255 * (x / 255) ** (1 / 1.5)),
    ),
    _picture("white balance", "gains of 1.15, 1 and 1.3", lambda p: matrix(p, (1.15, 0, 0), (0, 1, 0), (0, 0, 1.3))),
    _picture("from a canvas", "transparent; a canvas stores colours multiplied by their opacity", from_canvas),
    _picture("premultiplied", "colours that stay multiplied by their opacity, with it", premultiplied),
    # Samples that follow from others.
    _picture(
        "sepia",
        "brown from all three channels",
        lambda p: matrix(p, (0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131)),
    ),
    _picture("red = green", "green in the place of red", lambda p: p[..., [1, 1, 2]]),
    _picture("green = blue", "green in the place of blue", lambda p: p[..., [0, 1, 1]]),
    _picture(
        "duotone",
        "a grey picture in dark blue and yellow",
        lambda p: _uint8(p.mean(2)[..., None] / 255 * [230, 190, 60] + [10, 20, 90]),
    ),
    _picture("enlarged 2, linearly", "the middle, enlarged twice", lambda p: resized(quarter(p), 2, _BILINEAR)),
    _picture("enlarged 2, cubically", "the middle, enlarged twice", lambda p: resized(quarter(p), 2, _BICUBIC)),
    _picture(
        "enlarged 2, without filter",
        "the middle, each pixel four times",
        lambda p: resized(quarter(p), 2, Image.Resampling.NEAREST),
    ),
    _picture(
        "enlarged 3, Lanczos",
        "the middle, enlarged three times",
        lambda p: resized(quarter(p), 3, Image.Resampling.LANCZOS),
    ),
    _picture("demosaiced", "two of three samples filled in bilinearly", demosaiced),
    _picture("halved chroma", "chroma of 2×2 pixels, without any codec", halved_chroma),
    _picture("filled rows", "every second row is the mean of its neighbours", deinterlaced),
    _picture("mirrored", "its right half mirrors the left", mirrored),
    _picture("tiled", "squares of 64 pixels", tiled),
    _picture(
        "blurred", "Gaussian, radius 2", lambda p: np.array(Image.fromarray(p).filter(ImageFilter.GaussianBlur(2)))
    ),
    _lossless("doubled frames", "each frame twice, stored without loss", lambda frames: frames.repeat(2, 0)),
    Kind(
        "PNG by pngcrush",
        "a plain photograph by a program that can't be imitated",
        PICTURE,
        ".png",
        lambda p: by_program(png(p), ".png", ".png", "pngcrush", "{in}", "{out}"),
    ),
    # JPEGs that were another JPEG, or that repeat themselves.
    _jpeg(
        "75, cropped, 95",
        "a JPEG of quality 75, cropped by some pixels",
        lambda p: jpeg(decoded(jpeg(p, 75))[3:, 5:], 95),
    ),
    _jpeg(
        "80, cropped, 95",
        "a JPEG of quality 80, cropped by some pixels",
        lambda p: jpeg(decoded(jpeg(p, 80))[5:, 2:], 95),
    ),
    _jpeg(
        "75, cropped, 93",
        "a JPEG of quality 75, cropped by some pixels",
        lambda p: jpeg(decoded(jpeg(p, 75))[4:, 4:], 93),
    ),
    _jpeg(
        "85, cropped, 95, 4:4:4",
        "a JPEG of quality 85, cropped",
        lambda p: jpeg(decoded(jpeg(p, 85))[1:, 6:], 95, "4:4:4"),
    ),
    _jpeg("60, then 90", "a JPEG of quality 60, saved again on its grid", lambda p: jpeg(decoded(jpeg(p, 60)), 90)),
    _jpeg("AVIF, then 95", "an AVIF, saved as JPEG", lambda p: jpeg(decoded(saved(p, "AVIF", quality=60)), 95)),
    _jpeg("H.264 frame, then 95", "a frame of a film, saved as JPEG", lambda p: jpeg(_frame(p), 95)),
    _jpeg(
        "JPEG, mirrored halves",
        "its right half mirrors the left, at quality 90",
        lambda p: jpeg(mirrored(p), 90, "4:4:4"),
    ),
    _jpeg("JPEG of tiles", "squares of 64 pixels, at quality 90", lambda p: jpeg(tiled(p), 90, "4:4:4")),
    _jpeg(
        "JPEG, enlarged 2",
        "the middle, enlarged twice, at quality 97",
        lambda p: jpeg(resized(quarter(p), 2, _BILINEAR), 97, "4:4:4"),
    ),
    # Sounds.
    _sound("right = −left", "an inverted channel", lambda r: channels(r, mono(r), -mono(r))),
    _sound("panned", "one channel at 0.8 and at 0.45", lambda r: channels(r, mono(r) * 0.8, mono(r) * 0.45)),
    _sound(
        "delayed",
        "right is left, 400 samples later, at 0.7",
        lambda r: channels(r, mono(r), delayed(mono(r), 400, 0.7)),
    ),
    _sound("loop", "20,000 samples, eight times", lambda r: channels(r, np.tile(mono(r)[:20000], 8))),
    _sound("MP3, 320 kbit/s", "decoded", lambda r: coded(r, ".mp3", "-c:a", "libmp3lame", "-b:a", "320k")),
    _sound("MP3, 128 kbit/s", "decoded", lambda r: coded(r, ".mp3", "-c:a", "libmp3lame", "-b:a", "128k")),
    _sound("AAC", "192 kbit/s, decoded", lambda r: coded(r, ".m4a", "-c:a", "aac", "-b:a", "192k")),
    _sound("Opus", "96 kbit/s, decoded", lambda r: coded(r, ".opus", "-c:a", "libopus", "-b:a", "96k")),
    _sound(
        "resampled", "22,050 a second, brought to 44,100", lambda r: filtered(r, "aresample=22050", "aresample=44100")
    ),
    _sound("low-pass at 12 kHz", "steep", lambda r: filtered(r, "firequalizer=gain='if(gt(f,12000),-200,0)'")),
    _sound("gain 2", "every second level", lambda r: changed(r, lambda x: x * 2)),
    _sound("gain 1.4", "levels left out", lambda r: changed(r, lambda x: x * 1.4)),
    _sound("8 bits", "as 16 bits", lambda r: changed(r, lambda x: np.rint(x / 256) * 256)),
    _sound(
        "μ-law",
        "as a telephone stores it",
        lambda r: ffmpeg(ffmpeg(wav(r), ".wav", ".wav", "-c:a", "pcm_mulaw"), ".wav", ".wav", "-c:a", "pcm_s16le"),
    ),
    _sound("16 bits as 24", "lowest bits of zero", lambda r: wav(Recording(r.samples * 256, r.rate, 24))),
    # Kinds that were held back while the evidence was built: nobody made it find these.
    _picture("5, 6 and 5 bits", "levels of a small screen (RGB565)", rgb565),
    _picture(
        "more saturation",
        "colours 1.7 times as far from grey",
        lambda p: matrix(p, *(1.7 * np.eye(3) - 0.7 * np.array([[0.299, 0.587, 0.114]] * 3)).tolist()),
    ),
    _picture(
        "enlarged 1.5, cubically",
        "two thirds of each side, enlarged",
        lambda p: resized(p[: p.shape[0] * 2 // 3, : p.shape[1] * 2 // 3], 1.5, _BICUBIC),
    ),
    _picture(
        "enlarged 1.25, linearly",
        "four fifths of each side, enlarged",
        lambda p: resized(p[: p.shape[0] * 4 // 5, : p.shape[1] * 4 // 5], 1.25, _BILINEAR),
    ),
    _picture(
        "stretched 2",
        "the left half, stretched linearly to the whole width",
        lambda p: np.array(Image.fromarray(p[:, : p.shape[1] // 2]).resize((p.shape[1], p.shape[0]), _BILINEAR)),
    ),
    _picture("JPEG in a corner", "a quarter of the picture is a JPEG's", jpeg_in_a_corner),
    _picture("letterboxed WebP", "a WebP of quality 75, black above and below", letterboxed),
    _picture(
        "VP9 frame",
        "a frame of a VP9 film, saved as PNG",
        lambda p: _frame(p, ".webm", *_VP9),
    ),
    _picture(
        "H.264 frame, 4:4:4",
        "a frame of an H.264 film of full chroma, saved as PNG",
        lambda p: _frame(p, ".mp4", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv444p"),
    ),
    _picture(
        "BT.709 frame",
        "a frame of an H.264 film in television's colours, saved as PNG",
        lambda p: _frame(p, ".mp4", "-vf", "scale=out_color_matrix=bt709", *_H264, "-colorspace", "bt709"),
    ),
    _picture(
        "blue from red and green", "blue is their mean", lambda p: np.dstack([p[..., :2], _uint8(p[..., :2].mean(2))])
    ),
    _picture(
        "transparent JPEG",
        "a JPEG 90 with opacity, saved as PNG",
        lambda p: np.dstack([decoded(jpeg(p, 90)), opacity_of(p)]),
    ),
    _picture(
        "mirrored downwards", "its lower half mirrors the upper", lambda p: mirrored(p.swapaxes(0, 1)).swapaxes(0, 1)
    ),
    _picture(
        "kaleidoscope",
        "its lower half is the upper one, turned by half a turn",
        lambda p: np.concatenate([p[: p.shape[0] // 2], p[: p.shape[0] // 2][::-1, ::-1]]),
    ),
    _picture("inverted JPEG", "the negative of a JPEG 90, saved as PNG", lambda p: 255 - decoded(jpeg(p, 90))),
    _picture(
        "motion blur",
        "means of nine pixels in a row",
        lambda p: _uint8(np.mean([np.roll(p.astype(float), shift, 1) for shift in range(9)], 0)),
    ),
    _picture(
        "64 levels by a curve",
        "even after gamma 0.7",
        lambda p: curve(p, lambda x: 255 * (np.rint((x / 255) ** 0.7 * 63) / 63) ** (1 / 0.7)),
    ),
    _picture("blurred background", "blurred but for a band in the middle", sharp_in_the_middle),
    _jpeg(
        "70, turned, 95",
        "a JPEG of quality 70, turned by 90°",
        lambda p: jpeg(np.rot90(decoded(jpeg(p, 70))).copy(), 95),
    ),
    _jpeg(
        "75, cropped, 94 by ImageMagick",
        "a JPEG of quality 75, cropped by some pixels",
        lambda p: by_program(
            png(decoded(jpeg(p, 75))[2:, 7:]), ".png", ".jpg", "convert", "{in}", "-quality", "94", "{out}"
        ),
    ),
    _jpeg(
        "75, under a line of text, 95",
        "a JPEG of quality 75 below 37 white rows",
        lambda p: jpeg(np.concatenate([np.full((37, p.shape[1], 3), 255, np.uint8), decoded(jpeg(p, 75))]), 95),
    ),
    _jpeg(
        "JPEG, mirrored downwards",
        "its lower half mirrors the upper, at quality 92",
        lambda p: jpeg(np.ascontiguousarray(mirrored(np.rot90(p).copy()).swapaxes(0, 1)), 92, "4:4:4"),
    ),
    _jpeg("75 in a collage, 95", "two JPEGs, of quality 75 and 80, side by side", collage),
    _lossless(
        "MJPEG film",
        "a film of JPEGs, stored without loss",
        lambda frames: compressed(frames, ".mov", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
    ),
    _lossless("VP9 film", "stored without loss", lambda frames: compressed(frames, ".webm", *_VP9)),
    _lossless("blended frames", "every second frame is the mean of its neighbours", with_means),
    _lossless("lossy second half", "an H.264 film behind frames without a past", lossy_at_the_end),
    _sound("Vorbis", "decoded", lambda r: coded(r, ".ogg", "-c:a", "libvorbis", "-q:a", "4")),
    _sound("AC-3", "192 kbit/s, decoded", lambda r: coded(r, ".ac3", "-c:a", "ac3", "-b:a", "192k")),
    _sound("ADPCM", "IMA's, decoded", lambda r: coded(r, ".wav", "-c:a", "adpcm_ima_wav")),
    _sound("every second sample between", "the mean of its neighbours", lambda r: changed(r, with_means)),
    _sound("reversed channel", "right is left, backwards", lambda r: channels(r, mono(r), mono(r)[::-1])),
    _sound(
        "echoed channel",
        "right is 0.6 of left and 0.4 of it 300 samples ago",
        lambda r: channels(r, mono(r), mono(r) * 0.6 + delayed(mono(r), 300, 0.4)),
    ),
    _sound(
        "gain in the second half",
        "of 1.7",
        lambda r: changed(r, lambda x: np.concatenate([x[: len(x) // 2], x[len(x) // 2 :] * 1.7])),
    ),
    _sound("MP3 in the second half", "192 kbit/s, decoded", mp3_at_the_end),
    _sound("12 bits", "as 16 bits", lambda r: changed(r, lambda x: np.rint(x / 16) * 16)),
    _sound(
        "telephone", "8,000 a second, brought to 48,000", lambda r: filtered(r, "aresample=8000", "aresample=48000")
    ),
    _sound(
        "24 bits of 16",
        "with a gain of 0.8",
        lambda r: wav(Recording(np.rint(r.samples * 256 * 0.8).astype(np.int32), r.rate, 24)),
    ),
    _sound(
        "A-law",
        "as a telephone stores it",
        lambda r: ffmpeg(ffmpeg(wav(r), ".wav", ".wav", "-c:a", "pcm_alaw"), ".wav", ".wav", "-c:a", "pcm_s16le"),
    ),
)


def kind_named(name: str) -> Kind:
    """Return a kind by its name."""
    return next(kind for kind in (*PLAIN, *KINDS) if kind.name == name)


def sources_for(medium: str, catalogue: Path, folder: Path | None, number: int) -> list[np.ndarray] | list[Recording]:
    """Return sources for a kind of a medium."""
    if medium == SOUND:
        return list(islice(recordings(folder), number))
    return list(islice(photographs(catalogue, folder), number))
