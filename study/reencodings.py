"""Encoding films again by ffmpeg's command line: ways within what a container is promised to survive, and beyond.

None of them is simulated when something is hidden: other presets, tunings and profiles of x264, other encoders.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stegnet.media.ffmpeg_cli import input_file, run_ffmpeg

_X264, _X265, _VP9, _AV1 = "libx264", "libx265", "libvpx-vp9", "libsvtav1"
_QUIET_X265 = {"x265-params": "log-level=error:pools=1:frame-threads=1"}
_VP9_QUALITY = {"b:v": 0, "deadline": "good", "cpu-used": 5}  # a constant quality
_AV1_SPEED = {"preset": 8, "svtav1-params": "lp=1"}


@dataclass(frozen=True)
class Reencoding:
    """A way of encoding a film again.

    Attributes:
        name: in tables; unique.
        promised: it is x264 at the promised constant rate factor or a lower one, once, by a preset from fast to
            veryslow or an option that codes no more coarsely.
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


REENCODINGS = (
    x264("ultrafast", False, preset="ultrafast"),
    x264("veryfast", False, preset="veryfast"),
    x264("slow", True, preset="slow"),
    x264("medium, CRF −2", True, above=-2),
    x264("fast, CRF −4", True, above=-4, preset="fast"),
    x264("tuned for film", True, tune="film"),
    x264("tuned for animation", False, tune="animation"),
    x264("baseline, a key frame a second", False, g=25, **{"profile:v": "baseline"}),
    x264("without latency", False, tune="zerolatency"),
    x264("medium, twice", False, generations=2),
    x264("medium, CRF +2", False, above=2),
    x264("medium, CRF +5", False, above=5),
    x265("medium, CRF +2", False, above=2),
    Reencoding("VP9, CRF +9", False, above=9, encoder=_VP9, options=_VP9_QUALITY),
    Reencoding("AV1 (SVT), CRF +10", False, above=10, encoder=_AV1, options=_AV1_SPEED),
)
