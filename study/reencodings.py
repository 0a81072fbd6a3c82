"""Encoding films again by ffmpeg's command line: ways within what containers are promised to survive, and beyond."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stegnet.formats.ffmpeg_cli import input_file, run_ffmpeg

_X264, _X265, _VP9, _AV1 = "libx264", "libx265", "libvpx-vp9", "libsvtav1"
_QUIET_X265 = {"x265-params": "log-level=error:pools=1:frame-threads=1"}
_VP9_QUALITY = {"b:v": 0, "deadline": "good", "cpu-used": 5}  # a constant quality
_AV1_SPEED = {"preset": 8, "svtav1-params": "lp=1"}


@dataclass(frozen=True)
class Reencoding:
    """A way of encoding a film again.

    Attributes:
        name: in tables; unique.
        promised: what is hidden must come back.
        above: its CRF less the promised one; encoders have scales of their own.
        encoder: FFmpeg's name of it.
        options: of ffmpeg's command line; a bit rate takes the place of the constant rate factor.
        generations: times that the film is encoded, one after the other.
    """

    name: str
    promised: bool
    above: int = 0
    encoder: str = _X264
    options: Mapping[str, str | int] = field(default_factory=dict)
    generations: int = 1

    def encode(self, film: Path, crf: int, out: Path) -> None:
        """Writes the film without sound as Matroska.

        Args:
            crf: the promised one.
        Raises:
            MediaError: ffmpeg fails.
        """
        for generation in range(self.generations):
            source = film if not generation else out.with_name(f"{out.stem}-{generation - 1}.mkv")
            last = generation == self.generations - 1
            made = out if last else out.with_name(f"{out.stem}-{generation}.mkv")
            self._encode_once(source, crf + self.above, made)

    def _encode_once(self, film: Path, crf: int, out: Path) -> None:
        quality = {} if "b:v" in self.options else {"crf": crf}
        options = {"c:v": self.encoder, "pix_fmt": "yuv420p", "threads": 1} | quality | self.options
        error = f"{film}: can't be encoded again ({self.name})"
        run_ffmpeg(out, [input_file(film).video], error, format="matroska", **options)


def x264(name: str, promised: bool, above: int = 0, generations: int = 1, **options: str | int) -> Reencoding:
    """A way of x264."""
    return Reencoding(f"x264 {name}", promised, above, _X264, options, generations)


def x265(name: str, promised: bool, above: int = 0, **options: str | int) -> Reencoding:
    """A way of x265."""
    return Reencoding(f"x265 {name}", promised, above, _X265, _QUIET_X265 | options)


def vp9(name: str, promised: bool, above: int = 0, speed: int = 5) -> Reencoding:
    """A way of libvpx."""
    return Reencoding(f"VP9 {name}", promised, above, _VP9, _VP9_QUALITY | {"cpu-used": speed})


def av1(name: str, promised: bool, above: int = 0, preset: int = 8) -> Reencoding:
    """A way of SVT-AV1."""
    return Reencoding(f"AV1 {name}", promised, above, _AV1, _AV1_SPEED | {"preset": preset})


_BASELINE = {"preset": "veryfast", "profile:v": "baseline", "g": 30, "b:v": "1500k"}
_RATES = (
    *(x264(f"veryfast, {rate} kbit/s", False, preset="veryfast", **{"b:v": f"{rate}k"}) for rate in (500, 1000, 2000)),
    x264("baseline, 1500 kbit/s, a key frame a second", False, **_BASELINE),
)
_ONCE = (
    x264("fast", True, preset="fast"), x264("medium", True), x264("slow", True, preset="slow"),
    x264("veryfast", False, preset="veryfast"),
    x264("baseline, a key frame a second", False, g=25, **{"profile:v": "baseline"}),
    x264("medium, twice", False, generations=2), x264("medium, CRF +2", False, above=2),
)  # fmt: skip
WAYS = {  # by channel: the constant rate factor, and ways of encoding
    **{f"h264:{crf}": (crf, _ONCE) for crf in (18, 23, 28)},
    "messenger": (28, (
        x264("medium", True), x264("veryfast", True, preset="veryfast"), x264("ultrafast", False, preset="ultrafast"),
        x264("veryfast, CRF +3", False, above=3, preset="veryfast"),
        x264("veryfast, twice", False, generations=2, preset="veryfast"), *_RATES, x265("fast", False, preset="fast"),
    )),
    "h264:23+veryfast": (23, (
        x264("veryfast", True, preset="veryfast"), x264("faster", True, preset="faster"), x264("medium", True),
        x264("veryfast, CRF −2", True, above=-2, preset="veryfast"),
        x264("superfast", False, preset="superfast"), x264("veryfast, CRF +2", False, above=2, preset="veryfast"),
    )),
    "h264:23+twice": (23, (
        x264("fast, twice", True, generations=2, preset="fast"), x264("medium, twice", True, generations=2),
        x264("slow, twice", True, generations=2, preset="slow"), x264("medium", True),
        x264("medium, three times", False, generations=3),
        x264("veryfast, twice", False, generations=2, preset="veryfast"),
    )),
    "hevc:28": (28, (
        x265("fast", False, preset="fast"), x265("medium", True), x265("slow", True, preset="slow"),
        x265("medium, CRF −3", True, above=-3),
        x265("veryfast", False, preset="veryfast"), x265("medium, CRF +2", False, above=2),
    )),
    "vp9:33": (33, (
        vp9("speed 5", True), vp9("speed 3", True, speed=3), vp9("speed 5, CRF −4", True, above=-4),
        vp9("speed 5, CRF +3", False, above=3),
    )),
    "av1:35": (35, (
        av1("preset 6", True, preset=6), av1("preset 4", True, preset=4),
        av1("preset 6, CRF −4", True, above=-4, preset=6),
        av1("preset 8", False), av1("preset 10", False, preset=10), av1("preset 6, CRF +3", False, above=3, preset=6),
    )),
}  # fmt: skip
