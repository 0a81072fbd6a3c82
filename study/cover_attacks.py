"""The opponent's test of each kind of cover: how much in a file breaks what a cover of its kind keeps.

The opponent knows the kind, the program that made it and its settings, but neither the cover nor the key. A score grows
with what is hidden. Most are counts of samples that a cover of the kind can't have, or hardly: 0 in many covers. Kinds
of which nothing better is known are attacked as plain ones are.
"""

import io
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image
from scipy.special import ndtr

from stegnet.channels.jpeg_form import jpeg_of
from stegnet.core.pixels import COSINES
from stegnet.formats.ffmpeg_cli import bundled_ffmpeg
from study.classical import lsb_replacement, sample_pairs, weighted_stego
from study.cover_kinds import (
    SOUND,
    Kind,
    curve,
    decoded,
    deinterlaced,
    demosaiced,
    frames_of,
    heard,
    jpeg,
    matrix,
    png,
    resized,
    wav,
)
from study.jpeg_features import from_zigzag

Attack = Callable[[bytes], float]
Table = Callable[[], np.ndarray]
_BLOCK = 8
_WINDOW = 4096  # samples of a spectrum
_UNSURE = 0.36  # steps from a multiple to a coefficient that may have been another
_NOT_CLIPPED = 120  # level, 0 in the middle, of a pixel that surely was not clipped
_ROUNDED = 1.5  # levels that rounding adds at most to a coefficient
_MOST_OFF = 4  # coefficients of a block that was predicted
_OFF = 0.8  # steps from what was predicted to a coefficient that another change explains better


# Levels and colours that a cover of the kind never has.


def off_levels(*changes: Callable[[np.ndarray], np.ndarray]) -> Attack:
    """Count samples on levels that a curve leaves out, one curve for each channel or one for all."""
    given = [np.isin(np.arange(256), curve(np.arange(256, dtype=np.uint8), change)) for change in changes]

    def attack(data: bytes) -> float:
        picture = decoded(data)
        return float(sum((~given[channel % len(given)][picture[..., channel]]).sum() for channel in range(3)))

    return attack


def off_colours(table: Table, bottom: float = 0) -> Attack:
    """Count pixels of colours that a decoder can't give; a share of the height is left out below."""

    def attack(data: bytes) -> float:
        frames = _pictures(data)
        frames = frames[:, : round(frames.shape[1] * (1 - bottom))]
        return float((~table()[_numbers(frames)]).sum())

    return attack


def _pictures(data: bytes) -> np.ndarray:
    """Return the frames of a PNG, MP4 or Matroska file, (n, H, W, 3) uint8."""
    is_film = data.startswith(b"\x1a\x45\xdf\xa3") or data[4:8] == b"ftyp"
    return frames_of(data, ".mkv") if is_film else decoded(data)[None]


def _numbers(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.int32) @ np.array([65536, 256, 1], np.int32)


def _given(colours: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return which of 2²⁴ colours a conversion gives; it gets all triples, (3, n) int64, in parts."""
    given = np.zeros(1 << 24, bool)
    for part in np.array_split(np.arange(1 << 24), 64):
        found = colours(np.stack([part >> 16, part >> 8 & 255, part & 255]))
        given[_numbers(np.clip(found, 0, 255).T)] = True
    return given


@cache
def jpeg_colours() -> np.ndarray:
    """Return which colours libjpeg gives (jdcolor.c)."""

    def shown(ycc: np.ndarray) -> np.ndarray:
        y, cb, cr = ycc - [[0], [128], [128]]
        half = 1 << 15
        green = (-22554 * cb - 46802 * cr + half) >> 16
        return np.stack([y + ((91881 * cr + half) >> 16), y + green, y + ((116130 * cb + half) >> 16)])

    return _given(shown)


@cache
def webp_colours() -> np.ndarray:
    """Return which colours libwebp gives (src/dsp/yuv.h)."""

    def shown(yuv: np.ndarray) -> np.ndarray:
        y, u, v = yuv
        light = y * 19077 >> 8
        red = light + (v * 26149 >> 8) - 14234
        green = light - (u * 6419 >> 8) - (v * 13320 >> 8) + 8708
        return np.stack([red, green, light + (u * 33050 >> 8) - 17685]) >> 6

    return _given(shown)


@cache
def avif_colours() -> np.ndarray:
    """Return which colours libyuv gives by its factors of JPEG's range (source/row_common.cc)."""

    def shown(yuv: np.ndarray) -> np.ndarray:
        y, u, v = yuv - [[0], [128], [128]]
        light = (y * 0x0101 * 16320 >> 16) + 32
        return np.stack([light + 90 * v, light - 22 * u - 46 * v, light + 113 * u]) >> 6

    return _given(shown)


@cache
def film_colours(form: str) -> np.ndarray:
    """Return which colours ffmpeg gives when it shows a film of a pixel format with chroma of 2×2 pixels."""
    side, copies = 4096, 64  # pixels; of each pair of chroma, over four lumas each
    place = np.arange(side // 2)
    chroma = np.add.outer(place % 256 * 256, place % 256)
    first = 4 * np.add.outer(place // 256 * 8, place // 256) % (4 * copies)
    luma = np.empty((side, side), np.uint8)
    for number, (row, column) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        luma[row::2, column::2] = first + number
    raw = b"".join(plane.astype(np.uint8).tobytes() for plane in (luma, chroma >> 8, chroma & 255))
    film = ("-f", "rawvideo", "-pix_fmt", form, "-s", f"{side}x{side}", "-i", "-")
    command = (bundled_ffmpeg(), "-v", "error", *film, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    shown = subprocess.run(command, input=raw, check=True, capture_output=True).stdout
    given = np.zeros(1 << 24, bool)
    given[_numbers(np.frombuffer(shown, np.uint8).reshape(-1, 3))] = True
    return given


def mixed_colours(*rows: tuple[float, float, float]) -> Table:
    """Return a table of the colours that a mixture of channels gives."""
    return cache(lambda: _given(lambda rgb: matrix(rgb.T, *rows).T))


# Samples that follow from others.


def changed_by(again: Callable[[np.ndarray], np.ndarray], opacity: bool = False) -> Attack:
    """Count samples that differ when what was done to a picture, estimated from it, is done again."""

    def attack(data: bytes) -> float:
        pixels = _with_opacity(data) if opacity else decoded(data)
        return float((again(pixels) != pixels).sum())

    return attack


def _with_opacity(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


def enlarged_again(factor: int, method: Image.Resampling) -> Callable[[np.ndarray], np.ndarray]:
    """Return what estimates the smaller picture by least squares, and enlarges it again."""

    def again(pixels: np.ndarray) -> np.ndarray:
        down, across = (_reducing(side // factor, factor, method) for side in pixels.shape[:2])
        small = np.einsum("ay,yxc,bx->abc", down, pixels.astype(float), across, optimize=True)
        return resized(np.clip(np.rint(small), 0, 255).astype(np.uint8), factor, method)

    return again


@cache
def _reducing(small: int, factor: int, method: Image.Resampling) -> np.ndarray:
    """Return the inverse of an enlargement of columns, (small, factor · small)."""
    one_by_one = Image.fromarray(np.eye(small, dtype=np.float32)).resize((small, factor * small), method)
    return np.linalg.pinv(np.asarray(one_by_one, float))


def unlike_halves(data: bytes) -> float:
    """Count samples that are unlike their mirror."""
    pixels = decoded(data)
    return float((pixels != pixels[:, ::-1]).sum())


def unlike_tiles(side: int) -> Attack:
    """Count samples that are unlike most of those a number of pixels apart."""

    def attack(data: bytes) -> float:
        pixels = decoded(data)
        height, width, _ = pixels.shape
        tiles = pixels.reshape(height // side, side, width // side, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
        return float((tiles != np.median(tiles, 0)).sum())

    return attack


def uneven_chroma(data: bytes) -> float:
    """Count squares of 2×2 pixels that don't share a chroma."""
    pixels = decoded(data).astype(int)
    height, width, _ = pixels.shape
    squares = pixels.reshape(height // 2, 2, width // 2, 2, 3).swapaxes(1, 2).reshape(-1, 4, 3)
    inside = ((squares > 0) & (squares < 255)).all((1, 2))
    spread = np.ptp(squares[..., ::2] - squares[..., 1:2], axis=1).max(1)
    return float((inside & (spread > 1)).sum())


def unlike_frames(data: bytes) -> float:
    """Count samples of frames that are unlike those of the frame before, of each pair."""
    frames = frames_of(data, ".mkv")
    return float((frames[::2] != frames[1::2]).sum())


def off_opacity(data: bytes) -> float:
    """Count colours that no level gives that was multiplied by its opacity, stored, and divided again."""
    pixels = _with_opacity(data).astype(int)
    stored = np.arange(256)[:, None]
    opacity = np.arange(1, 256)[None]
    given = np.zeros((256, 256), bool)
    shown = np.clip(np.rint(stored * 255 / opacity), 0, 255).astype(int)
    given[np.broadcast_to(opacity, shown.shape)[stored <= opacity], shown[stored <= opacity]] = True
    return float((~given[pixels[..., 3:], pixels[..., :3]]).sum())


def brighter_than_opacity(data: bytes) -> float:
    """Count colours above their opacity."""
    pixels = _with_opacity(data)
    return float((pixels[..., :3] > pixels[..., 3:]).sum())


def blur(data: bytes) -> float:
    """Measure the power of a picture's highest frequencies, where a blur leaves rounding alone."""
    pixels = decoded(data).astype(float) - 128
    side = 64
    height, width = (length // side * side for length in pixels.shape[:2])
    parts = pixels[:height, :width].reshape(height // side, side, width // side, side, 3).swapaxes(1, 2)
    window = np.hanning(side)[:, None, None] * np.hanning(side)[:, None]
    power = np.abs(np.fft.fft2(parts * window, axes=(2, 3))) ** 2 / np.square(window).sum()
    frequency = np.abs(np.fft.fftfreq(side))
    return float(power[:, :, np.hypot(frequency[:, None], frequency) > 0.4].mean())


# JPEGs.


def off_prediction(before: Callable[[np.ndarray], np.ndarray]) -> Attack:
    """Count blocks of a JPEG with luma unlike what is predicted.

    `before` estimates the pixels that were saved. A coefficient is off if it lies far from the predicted one; blocks
    with many of those were not predicted at all.
    """

    def attack(data: bytes) -> float:
        file = jpeg_of(data, "cover.jpg")
        found, steps = from_zigzag(file.planes[0]), from_zigzag(file.quanta(0))
        luma = before(decoded(data)) @ np.array([0.299, 0.587, 0.114]) - 128
        predicted = _coefficients(luma) / steps
        off = (np.abs(found[: predicted.shape[0], : predicted.shape[1]] - predicted) > _OFF).sum((2, 3))
        return float(((off > 0) & (off <= 2)).sum())

    return attack


def saved_before(quality: int, top: int, left: int, subsampling: str = "4:2:0") -> Attack:
    """Return the mean log-likelihood ratio, of 1,000 blocks, that luma coefficients moved by one step.

    The JPEG was another one, of which some rows and columns were cut off. Where that one's coefficients can be told
    for sure, they predict those of the file but for what was rounded in between, whose strength a block shows.
    """
    former = Image.open(io.BytesIO(jpeg(np.zeros((16, 16, 3), np.uint8), quality, subsampling)))
    table = np.array(former.quantization[0]).reshape(_BLOCK, _BLOCK)  # type: ignore[attr-defined]  # of JpegImageFile

    def attack(data: bytes) -> float:
        file = jpeg_of(data, "cover.jpg")
        found, steps = from_zigzag(file.planes[0]), from_zigzag(file.quanta(0))
        luma = _pixels(found * steps)
        predicted = np.full(luma.shape, np.nan)
        old = luma[-top % _BLOCK :, -left % _BLOCK :]
        multiples = _coefficients(old) / table
        unsure = (np.abs(multiples - np.rint(multiples)) > _UNSURE).any((2, 3), keepdims=True)
        shown = np.rint(_pixels(np.where(unsure, np.nan, np.rint(multiples) * table)))
        predicted[-top % _BLOCK :, -left % _BLOCK :][: shown.shape[0], : shown.shape[1]] = shown
        predicted[np.abs(predicted) > _NOT_CLIPPED] = np.nan
        due = _coefficients(predicted) / steps
        sure = ~np.isnan(due).any((2, 3))
        off = (found[: due.shape[0], : due.shape[1]] - due)[sure]
        off = off[(np.abs(off) * steps > steps / 2 + _ROUNDED).sum((1, 2)) <= _MOST_OFF]
        return 1000 * float(_ratio(off, steps).mean()) if len(off) else 0.0

    return attack


def _ratio(off: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return for each block how much likelier its distances (n, 8, 8) from predictions, in steps, are with changes."""

    def likelihood(moved: int, deviation: np.ndarray) -> np.ndarray:
        return np.asarray(ndtr((off - moved + 0.5) * steps / deviation) - ndtr((off - moved - 0.5) * steps / deviation))

    candidates = np.array([0.15, 0.22, 0.32, 0.45, 0.65, 0.9])  # of the noise in between, in levels
    without_worst = [
        np.sort(np.log(likelihood(0, level) + 1e-12).reshape(len(off), -1))[:, 3:].sum(1) for level in candidates
    ]
    deviation = candidates[np.argmax(without_worst, 0)][:, None, None]
    changed = (likelihood(1, deviation) + likelihood(-1, deviation)) / 2
    share, odd = 3e-4, 1e-5  # of changed coefficients, and of those that follow nothing
    return np.log1p(share * ((changed + odd) / (likelihood(0, deviation) + odd) - 1)).sum((1, 2))


def _coefficients(luma: np.ndarray) -> np.ndarray:
    """Return the DCT of a plane's whole blocks, (rows, columns, 8, 8)."""
    rows, columns = (side // _BLOCK for side in luma.shape)
    blocks = luma[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return np.einsum("ka,raCb,lb->rCkl", COSINES, blocks, COSINES, optimize=True)


def _pixels(coefficients: np.ndarray) -> np.ndarray:
    """Return the plane of coefficients, (rows, columns, 8, 8)."""
    rows, columns = coefficients.shape[:2]
    found = np.einsum("ku,rckl,lv->rucv", COSINES, coefficients, COSINES, optimize=True)
    return found.reshape(rows * _BLOCK, columns * _BLOCK)


def unlike_blocks(data: bytes) -> float:
    """Count luma coefficients that are unlike those of the mirrored block."""
    luma = from_zigzag(jpeg_of(data, "cover.jpg").planes[0])
    return float((luma != luma[:, ::-1] * np.where(np.arange(_BLOCK) % 2, -1, 1)).sum())


def unlike_tiled_blocks(side: int) -> Attack:
    """Count luma coefficients that are unlike most of those a number of pixels apart."""

    def attack(data: bytes) -> float:
        luma = from_zigzag(jpeg_of(data, "cover.jpg").planes[0])
        period = side // _BLOCK
        rows, columns = (length // period for length in luma.shape[:2])
        tiles = luma[: rows * period, : columns * period].reshape(rows, period, columns, period, _BLOCK, _BLOCK)
        return float((tiles != np.median(tiles, (0, 2), keepdims=True)).sum())

    return attack


def more_zeros(data: bytes) -> float:
    """Measure how many more luma coefficients are 0 than in the picture shifted by half a block.

    Fridrich, Goljan and Hogea 2002, "Steganalysis of JPEG images: breaking the F5 algorithm".
    """
    file = jpeg_of(data, "cover.jpg")
    found, steps = from_zigzag(file.planes[0]), from_zigzag(file.quanta(0))
    luma = decoded(data)[4:-4, 4:-4] @ np.array([0.299, 0.587, 0.114]) - 128
    shifted = np.rint(_coefficients(luma) / steps)
    low = [(0, 1), (1, 0), (1, 1)]
    zeros, due = (np.mean([(values[..., k, m] == 0).mean() for k, m in low]) for values in (found, shifted))
    return float(zeros - due)


# Sounds.


def _samples(data: bytes, bits: int = 16) -> np.ndarray:
    return heard(data, bits).samples


def off_values(given: Callable[[np.ndarray], np.ndarray]) -> Attack:
    """Count samples of 16 bits on values that a change of all values leaves out."""
    values = np.arange(-(1 << 15), 1 << 15)
    table = np.isin(values, np.clip(np.rint(given(values.astype(float))), -(1 << 15), (1 << 15) - 1))
    return lambda data: float((~table[_samples(data) + (1 << 15)]).sum())


def off_relation(right: float, left: float, lag: int = 0) -> Attack:
    """Count frames in which a channel is not that multiple of the other, `lag` frames before, within rounding."""

    def attack(data: bytes) -> float:
        first, second = _samples(data).T.astype(float)
        first = first[: len(first) - lag] * (right / left)
        return float((np.abs(second[lag:] - first) > 0.5 + right / left / 2 + 1e-6).sum())

    return attack


def unlike_loop(period: int) -> Attack:
    """Count samples that are unlike most of those some periods apart."""

    def attack(data: bytes) -> float:
        samples = _samples(data)[:, 0]
        turns = samples[: samples.size // period * period].reshape(-1, period)
        return float((turns != np.median(turns, 0)).sum())

    return attack


def lowest_byte(data: bytes) -> float:
    """Count samples of 24 bits whose lowest byte is not 0."""
    return float((_samples(data, 24) % 256 != 0).sum())


def empty_band(lowest: float) -> Attack:
    """Measure the power above a frequency in Hz, in windows that are not silent."""

    def attack(data: bytes) -> float:
        recording = heard(data)
        rows = len(recording.samples) // _WINDOW
        parts = recording.samples[: rows * _WINDOW].reshape(rows, _WINDOW, -1).astype(float)
        parts = parts[np.ptp(parts, axis=(1, 2)) > 32]
        window = np.blackman(_WINDOW)[:, None]
        power = np.abs(np.fft.rfft(parts * window, axis=1)) ** 2 / np.square(window).sum()
        high = np.linspace(0, recording.rate / 2, power.shape[1]) > lowest
        return float(np.median(power[:, high].mean(1)))

    return attack


def replaced_bits_of_sound(data: bytes) -> float:
    """Return the share of samples of 16 bits that carry a replaced bit, by sample pairs."""
    samples = _samples(data)
    rows = len(samples) // _WINDOW
    return sample_pairs(samples[: rows * _WINDOW].reshape(rows, _WINDOW, -1))


# Which attack is made on which kind.


def replaced_bits(data: bytes) -> float:
    """Return the share of samples whose lowest bit was changed, by WS."""
    return float(np.mean([weighted_stego(frame) for frame in _pictures(data)]))


_BICUBIC, _BILINEAR, _LANCZOS = (getattr(Image.Resampling, name) for name in ("BICUBIC", "BILINEAR", "LANCZOS"))
_NEAREST = Image.Resampling.NEAREST

ATTACKS: dict[str, Attack] = {
    "H.264 frame": off_colours(lambda: film_colours("yuv420p")),
    "AVIF as PNG": off_colours(avif_colours),
    "WebP as PNG": off_colours(webp_colours),
    "HEVC frame": off_colours(lambda: film_colours("yuvj420p")),
    "JPEG 100 as PNG": off_colours(jpeg_colours),
    "captioned JPEG": off_colours(jpeg_colours, 0.12),
    "JPEG on a page": off_colours(jpeg_colours),
    "decoded film": off_colours(lambda: film_colours("yuv420p")),
    "black frames first": off_colours(lambda: film_colours("yuv420p")),
    "captioned film": off_colours(lambda: film_colours("yuv420p"), 0.2),
    "16 levels": off_levels(lambda levels: np.rint(levels / 17) * 17),
    "more contrast": off_levels(lambda levels: (levels - 128) * 1.25 + 128),
    "brighter by a curve": off_levels(lambda levels: 255 * (levels / 255) ** (1 / 1.5)),
    "white balance": off_levels(*(lambda levels, gain=gain: levels * gain for gain in (1.15, 1, 1.3))),
    "from a canvas": off_opacity,
    "premultiplied": brighter_than_opacity,
    "sepia": off_colours(mixed_colours((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))),
    "red = green": changed_by(lambda pixels: pixels[..., [1, 1, 2]]),
    "green = blue": changed_by(lambda pixels: pixels[..., [0, 1, 1]]),
    "enlarged 2, linearly": changed_by(enlarged_again(2, _BILINEAR)),
    "enlarged 2, cubically": changed_by(enlarged_again(2, _BICUBIC)),
    "enlarged 2, without filter": changed_by(enlarged_again(2, _NEAREST)),
    "enlarged 3, Lanczos": changed_by(enlarged_again(3, _LANCZOS)),
    "demosaiced": changed_by(demosaiced),
    "halved chroma": uneven_chroma,
    "filled rows": changed_by(deinterlaced),
    "mirrored": unlike_halves,
    "tiled": unlike_tiles(64),
    "blurred": blur,
    "doubled frames": unlike_frames,
    "75, cropped, 95": saved_before(75, 3, 5),
    "80, cropped, 95": saved_before(80, 5, 2),
    "75, cropped, 93": saved_before(75, 4, 4),
    "85, cropped, 95, 4:4:4": saved_before(85, 1, 6, "4:4:4"),
    "60, then 90": saved_before(60, 0, 0),
    "JPEG, mirrored halves": unlike_blocks,
    "JPEG of tiles": unlike_tiled_blocks(64),
    "JPEG, enlarged 2": off_prediction(enlarged_again(2, _BILINEAR)),
    "right = −left": off_relation(-1, 1),
    "panned": off_relation(0.45, 0.8),
    "delayed": off_relation(0.7, 1, 400),
    "loop": unlike_loop(20000),
    "MP3, 320 kbit/s": empty_band(20_500),
    "MP3, 128 kbit/s": empty_band(17_500),
    "AAC": empty_band(20_500),
    "Opus": empty_band(21_000),
    "resampled": empty_band(12_000),
    "low-pass at 12 kHz": empty_band(13_000),
    "gain 2": off_values(lambda values: values * 2),
    "gain 1.4": off_values(lambda values: values * 1.4),
    "8 bits": off_values(lambda values: np.rint(values / 256) * 256),
    "16 bits as 24": lowest_byte,
}


def attack_on(kind: Kind) -> Attack:
    """Return the best attack on a kind that is known here."""
    if kind.name in ATTACKS:
        return ATTACKS[kind.name]
    if kind.medium == SOUND:
        return replaced_bits_of_sound
    return more_zeros if kind.suffix == ".jpg" else replaced_bits


# Controls: changes that an attack on plain covers must find.


def control(data: bytes, suffix: str, seed: int) -> bytes:
    """Replace a quarter of a PNG's lowest bits, all of a WAV's, or move a fifth of a JPEG's coefficients to 0."""
    random = np.random.default_rng(seed)
    if suffix == ".png":
        return png(lsb_replacement(0.25)(decoded(data), decoded(data), seed))
    if suffix == ".wav":
        recording = heard(data)
        bits = random.integers(0, 2, recording.samples.shape, np.int32)
        return wav(replace(recording, samples=recording.samples & ~1 | bits))
    file = jpeg_of(data, "cover.jpg")
    luma = file.planes[0]
    moved = random.random(luma.shape) < 0.2
    moved[..., 0] = False
    planes = (np.where(moved, luma - np.sign(luma), luma).astype(luma.dtype), *file.planes[1:])
    return file.with_planes(planes)
