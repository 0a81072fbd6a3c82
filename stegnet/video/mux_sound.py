"""Sound and subtitles copied to a film of H.264 by the program ffmpeg, which can write them in other forms."""

from pathlib import Path

from stegnet.core.errors import CapacityError
from stegnet.formats.ffmpeg_cli import input_file, run_ffmpeg
from stegnet.video.forms import FORMS
from stegnet.video.sound import ffmpeg_sound
from stegnet.video.stream_copy import subtitle_tracks


def check_sides(path: Path, height: int, width: int) -> None:
    """Refuses a film of a size that H.264 4:2:0 can't hold.

    Raises:
        CapacityError: a side is odd.
    """
    if width % 2 or height % 2:
        size = f"{width}×{height}"
        raise CapacityError(f"{path}: has {size} pixels, and H.264 needs even sides", "crop it by a row or column")


def with_sound(film: Path, source: Path, out: Path, form: str) -> None:
    """Copies a film's pictures, and sound and subtitles of the film `source` track by track, to a file of any name.

    Args:
        form: "mkv" or "mp4".
    Raises:
        MediaError: the format can't hold the sound, or the subtitles are damaged.
    """
    copied, options = input_file(source), {"format": FORMS[form].muxer}
    options |= {} if FORMS[form].is_matroska else {"movflags": "+faststart"}
    sound, subtitles = [copied[name] for name in ffmpeg_sound(source)], []
    for number, track in enumerate(subtitle_tracks(source, form)):
        if track.written is not None:
            place = len(subtitles)
            subtitles.append(copied[f"s:{number}"])
            options[f"codec:s:{place}"] = track.written
            options |= {f"metadata:s:s:{place}": f"language={track.language}"} if track.language else {}
    tracks = [input_file(film)["v"], *sound, *subtitles]
    run_ffmpeg(out, tracks, f"{source}: its sound and subtitles can't be copied", codec="copy", **options)
