"""A line on a file, by what can be read in it."""

import hashlib
import stat
from pathlib import Path

import av
from PIL import ExifTags, Image


def described(path: Path, exact: bool) -> str:
    """What a file is, or a folder.

    Args:
        exact: it is the same on every machine: with a digest of its bytes, or of the pixels if they are without loss.
    """
    if path.is_symlink():
        return f"a link to {path.readlink()}"
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode):
        return "a pipe"
    what = "a folder" if stat.S_ISDIR(mode) else _picture(path, exact) or _film(path, exact) or _file(path, exact)
    return what if mode & 0o077 else f"{what}, only its owner's"


def _picture(path: Path, exact: bool) -> str:
    try:
        with Image.open(path) as image:
            parts = [f"{image.format} {image.width}x{image.height} {image.mode}"]
            if tags := image.getexif():
                parts.append(f"EXIF {' '.join(ExifTags.TAGS[tag] for tag in sorted(tags))}")
            parts += [f"with {name}" for name in ("icc_profile", "comment") if name in image.info]
            if exact and image.format == "PNG":
                parts.append(f"{_digest(image.tobytes())} of its pixels")
            if exact and image.format == "JPEG":
                parts.append(_digest(path.read_bytes()))
            return ", ".join(parts)
    except (OSError, Image.DecompressionBombError):
        return ""


def _film(path: Path, exact: bool) -> str:
    try:
        with av.open(str(path.resolve())) as film:
            stream = film.streams.best("video")
            if stream is None:
                return ""
            assert isinstance(stream, av.VideoStream)
            frames = list(film.decode(stream))
            form, _, _ = film.format.name.partition(",")
            parts = [f"{form} {stream.width}x{stream.height} {stream.codec_context.name}"]
            parts.append(f"{len(frames)} frames, {float(stream.average_rate or 0):g} a second")
            parts += [f"{each.type} {each.codec_context.name}" for each in film.streams if each.type != "video"]
            parts += [f"title {film.metadata['title']}"] if "title" in film.metadata else []
            if exact and stream.pix_fmt in ("bgr0", "gbrp"):
                pixels = b"".join(frame.to_ndarray(format="rgb24").tobytes() for frame in frames)
                parts.append(f"{_digest(pixels)} of its pixels")
            return ", ".join(parts)
    except (av.FFmpegError, UnicodeDecodeError):
        return ""


def _file(path: Path, exact: bool) -> str:
    data = path.read_bytes()
    return f"{len(data)} bytes" + (f", {_digest(data)}" if exact else "")


def _digest(data: bytes) -> str:
    return f"sha256 {hashlib.sha256(data).hexdigest()[:12]}"
