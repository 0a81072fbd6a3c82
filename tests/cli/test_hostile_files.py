"""Small files that say they are large: to describe one takes 3 s of a processor and 500 MB at most."""

import struct
import sys
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import stegnet
from tests.cli.conftest import python

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is told by Linux alone")
_LARGEST = 200 * 1024  # bytes of a file
_SECONDS = 3
_STEPS = 0.12  # seconds that three million steps take a processor of which this is true; others may take as much longer
_MEGABYTES = 500


_WITH_FIGURES = """
import resource, sys, time
from stegnet.cli import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
most = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = time.process_time()
sum(step & 7 for step in range(3_000_000))
steps = time.process_time() - before
print(used.ru_utime + used.ru_stime, int(most) / 1000, steps, file=sys.stderr)
sys.exit(code)
"""


def described(path: Path) -> str:
    """Describes a file in another process, within the limits, and returns what it prints."""
    assert path.stat().st_size <= _LARGEST
    done = python(_WITH_FIGURES, "info", path.name)
    assert done.returncode == 0, done.stderr
    _check_figures(done.stderr)
    return done.stdout.decode()


def refused(path: Path) -> str:
    """Hides in a file in another process, within the limits, and returns the reason why that is refused."""
    assert path.stat().st_size <= _LARGEST
    (path.parent / "note.txt").write_text("At nine.")
    suffix = ".png" if path.suffix in (".png", ".webp", ".avif", ".jp2", ".gif") else ".mkv"
    done = python(_WITH_FIGURES, "hide", path.name, "note.txt", "--key-file", "k", "-o", f"out{suffix}")
    assert done.returncode == 1
    assert not [*path.parent.glob("out*")]
    _check_figures(done.stderr)
    return done.stderr.decode()


def _check_figures(printed: bytes) -> None:
    seconds, megabytes, steps = map(float, printed.split()[-3:])
    assert seconds <= _SECONDS * max(steps / _STEPS, 1)
    assert megabytes <= _MEGABYTES


@pytest.mark.parametrize(
    ("name", "mode", "side", "options"),
    [
        ("blank.png", "RGB", 8000, {}),
        ("blank.png", "1", 12_000, {}),
        ("blank.jpg", "L", 6000, {"quality": 1, "optimize": True}),
        ("blank.webp", "RGB", 8000, {"lossless": True, "quality": 0, "method": 0}),
        ("blank.avif", "RGB", 8000, {"speed": 10}),
        ("blank.jp2", "L", 8000, {}),
        ("blank.gif", "L", 8000, {}),
    ],
)
def test_blank_pictures_of_many_pixels_are_neither_decoded_nor_filled(name, mode, side, options, folder):
    """Unless that is meant."""
    Image.new(mode, (side, side)).save(folder / name, **options)
    text = described(folder / name)
    assert f"picture, {side}×{side}" in text
    assert "fits: not measured: " in text
    text = refused(folder / name)
    assert f"for {side}×{side} pixels, as a blank picture has" in text
    assert "hint: use a photograph, or hide in it all the same, which takes long (`--force`)" in text


def test_a_blank_picture_of_many_pixels_hides_a_text_if_that_is_meant(folder, run):
    Image.new("L", (4200, 4200)).save(folder / "blank.png")
    code, _, text = run("hide blank.png --text No -o out.png --key-file k")
    assert code == 1 and "4200×4200 pixels" in text
    code, _, _ = run("hide blank.png --text Yes -o out.png --key-file k --force")
    assert code == 0


def test_an_album_takes_a_blank_picture_of_many_pixels_only_if_that_is_meant(folder, run):
    (folder / "covers").mkdir()
    for name in ("1.png", "2.png"):
        Image.new("L", (4200, 4200)).save(folder / "covers" / name)
    code, _, text = run("hide covers k --spread -o out --key-file k")
    assert code == 1 and "1.png: has" in text and "4200×4200 pixels" in text
    assert not (folder / "out").exists()


def test_a_blank_picture_is_measured_if_that_is_soon_done(folder, run):
    Image.new("RGB", (300, 300), "gray").save(folder / "small.png")
    _, text, _ = run("info small.png")
    assert "fits: any file up to" in text


def test_the_api_says_that_a_capacity_was_not_measured(folder):
    Image.new("RGB", (3000, 3000), "gray").save(folder / "blank.png")
    assert "fits" not in stegnet.info("blank.png")
    with pytest.raises(stegnet.CapacityError, match="not measured"):
        stegnet.capacity("blank.png")


def test_a_photograph_of_many_pixels_is_measured(folder, run):
    shape = 2600, 2600, 3
    Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8)).save(folder / "large.jpg", quality=30)
    code, text, _ = run("info large.jpg")
    assert code == 0
    assert "fits: any file, in the JPEG itself up to" in text


def test_a_film_that_repeats_a_frame_is_described_by_its_first_frames_and_its_index(folder):
    frames = 1500
    _repeat(folder / "still.webm", 2560, 1440, frames)
    text = described(folder / "still.webm")
    assert f"film, 2560×1440, {frames} frames" in text
    assert f"of {frames} frames were looked at" in text


def test_a_film_of_small_frames_costs_by_their_number(folder):
    frames = 6000
    _repeat(folder / "tiny.webm", 64, 64, frames)
    assert f"film, 64×64, {frames} frames" in described(folder / "tiny.webm")


def test_a_film_whose_frames_are_larger_than_its_bytes_is_not_decoded(folder):
    _repeat(folder / "large.webm", 7680, 4320, 40)
    assert "fits: not measured: " in described(folder / "large.webm")
    assert "for 7680×4320 pixels, as a blank film has" in refused(folder / "large.webm")


def test_a_film_of_a_camera_is_looked_at_whole(folder, make_film, run):
    make_film(folder / "film.mkv", 60)
    _, text, _ = run("info film.mkv")
    assert "60 frames" in text
    assert "looked at" not in text


@pytest.mark.parametrize("side", [64, 2000])
@pytest.mark.parametrize("make", ["gif", "apng"])
def test_animations_of_thousands_of_frames(make, side, folder):
    path = folder / f"animation.{'png' if make == 'apng' else make}"
    path.write_bytes({"gif": _gif, "apng": _apng}[make](side, 1500))
    described(path)


def _repeat(path: Path, width: int, height: int, frames: int) -> None:
    """Writes a film of a grey frame and copies of the packet that repeats it."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libvpx", rate=30, options={"deadline": "realtime", "cpu-used": "8", "g": "9999"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        grey = av.VideoFrame.from_ndarray(np.full((height * 3 // 2, width), 128, np.uint8), format="yuv420p")
        packets = [packet for _ in range(3) for packet in stream.encode(grey)] + stream.encode(None)
        for number in range(frames):
            packet = av.Packet(bytes(packets[min(number, 2)]))
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, number, number, not number
            packet.time_base = stream.codec_context.time_base
            film.mux(packet)


def _gif(side: int, frames: int) -> bytes:
    """Returns an animation whose frames change one pixel (GIF89a)."""
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    frame = b"!\xf9\x04\0\n\0\0\0," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0"
    return head + frames * frame + b";"


def _apng(side: int, frames: int) -> bytes:
    """Returns a PNG whose frames change one pixel (APNG 1.0)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def control(number: int, size: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, size, size, 0, 0, 1, 10, 0, 0))

    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))]
    parts += [chunk(b"acTL", struct.pack(">II", frames, 0)), control(0, side)]
    parts.append(chunk(b"IDAT", zlib.compress(bytes((3 * side + 1) * side))))
    for number in range(1, 2 * frames - 1, 2):
        parts += [control(number, 1), chunk(b"fdAT", struct.pack(">I", number + 1) + zlib.compress(bytes(4)))]
    return b"".join((*parts, chunk(b"IEND", b"")))
