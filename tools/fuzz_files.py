"""Fuzzes every door where strangers' bytes come in: python -m tools.fuzz_files [DOOR …] [--seconds 60].

Each door reads files of one format: a cover is described and hidden in, a container revealed, a secret hidden and
revealed as another format, a folder unpacked, a key or network loaded, a record read. The files are made here; those
of the same suffix in --seeds FOLDER come on top, and `tools.mutate` damages them. Allowed are a result or a
StegnetError. Anything else is a fault: another exception, 10 seconds of computing, a gigabyte of memory, a crash, and
files that are left behind. --keep FOLDER keeps the file of each kind of fault; --only NUMBER repeats one.
"""

import argparse
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch  # before a process starts others: it takes seconds
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

import stegnet
from stegnet import Key, StegnetError
from stegnet.core.disk import atomic_write
from stegnet.files import archive
from stegnet.keys import ContainerKeys, make_identity_file, make_key_file, read_identity, read_key, read_recipient
from stegnet.keys.keyfiles import shown_text
from stegnet.methods import FoundSecret
from stegnet.methods.robust.robust_content import BareCoder, parse_content
from stegnet.networks import pair
from stegnet.networks.card import SHIPPED, weights_id
from stegnet.networks.engines import load_engine
from stegnet.networks.onnx_export import export
from stegnet.record import File, Header, Pictures, Record, encode_base, format_record
from stegnet.record.record import format_packets, parse_packets, parse_record
from stegnet.results import OutputTarget, Report
from stegnet.results.output import FilmFrame, write_film
from stegnet.sealing import SealOptions, seal, texture_costs
from stegnet.video import FilmWriter
from stegnet.video.sound_streams import read_sound, sound_tracks
from tests.support import films
from tests.support.films import encode, ffmpeg, make_film, picture
from tests.support.h264 import moving
from tests.support.pairs import save_untrained
from tests.support.sounds import noise, write_wav
from tools import mutate

ROOT = Path(__file__).parents[1]
KEY = Key(bytes(range(32)))
HEIGHT, WIDTH = 72, 96
_SECONDS, _MEMORY = 10, 1 << 30
_SILENCE = 60.0  # seconds without an answer, after which a process hangs
_TORCHS = "torchinductor"  # begins the name of a folder of PyTorch's own
_BATCH = 40  # files to a process
_MOST_SHOWN = 1 << 16  # pixels of a film that a record tells of
_NOTE = b"meet me at eight"


@dataclass(frozen=True)
class Door:
    """A way into the program.

    Attributes:
        suffix: of its files.
        seeds: makes whole files in a folder.
        enter: reads one, and may write into the current folder, which is empty.
        damage: makes another file of one.
    """

    suffix: str
    seeds: Callable[[Path], object]
    enter: Callable[[Path, random.Random], object]
    damage: mutate.Mutator


class _TooLongError(BaseException):
    pass


# Whole files


def _still(channels: int = 3) -> Image.Image:
    colours = Image.fromarray(picture(HEIGHT, WIDTH))
    if channels == 4:
        colours.putalpha(Image.fromarray(picture(HEIGHT, WIDTH, 1)[..., 0]))
    return colours.convert("L") if channels == 1 else colours


def _about() -> dict[str, Any]:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {"exif": exif, "icc_profile": profile}


def _more(seed: int = 3) -> dict[str, Any]:
    return {"save_all": True, "append_images": [Image.fromarray(picture(HEIGHT, WIDTH, seed))], "duration": 40}


def _pngs(folder: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "b")
    text.add_itxt("c", "d" * 50, zip=True)
    _still().save(folder / "rgb.png", pnginfo=text, gamma=0.7, **_about())
    _still(4).save(folder / "rgba.png")
    _still(1).save(folder / "grey.png", transparency=5)
    _still(4).convert("LA").save(folder / "la.png")
    Image.fromarray(picture(HEIGHT, WIDTH)[..., 0] * np.uint16(257)).save(folder / "deep.png")
    _still().quantize(200).save(folder / "palette.png", transparency=3)
    _still(1).convert("P").save(folder / "greys.png")
    _still().convert("1").save(folder / "black.png")
    _still().save(folder / "colour.png", transparency=(1, 2, 3))
    _run("convert", str(folder / "rgb.png"), "-interlace", "PNG", str(folder / "interlaced.png"))
    _run("convert", str(folder / "rgb.png"), "-depth", "16", "PNG48:" + str(folder / "deep_rgb.png"))


def _run(program: str, *arguments: str) -> None:
    if shutil.which(program):
        os.spawnlp(os.P_WAIT, program, program, *arguments)


def _apngs(folder: Path) -> None:
    _still().save(folder / "moving.png", **_more())
    _still(4).save(folder / "rgba.png", **_more())


def _jpegs(folder: Path) -> None:
    _still().save(folder / "baseline.jpg", quality=90, comment=b"a", **_about())
    _still().save(folder / "progressive.jpg", progressive=True, quality=85)
    _still().save(folder / "optimised.jpg", optimize=True, subsampling=0, restart_marker_blocks=3)
    _still(1).save(folder / "grey.jpg")
    _still().convert("CMYK").save(folder / "cmyk.jpg")
    _still().save(folder / "two.jpg", "MPO", save_all=True, append_images=[_still()])


def _heics(folder: Path) -> None:
    for path in (ROOT / "tests/media/heic").glob("*.heic"):
        shutil.copy(path, folder)


def _avifs(folder: Path) -> None:
    _still().save(folder / "still.avif", **_about())
    _still(4).save(folder / "rgba.avif", subsampling="4:4:4")
    _still().save(folder / "moving.avif", **_more())


def _webps(folder: Path) -> None:
    _still().save(folder / "lossy.webp", **_about())
    _still(4).save(folder / "lossless.webp", lossless=True)
    _still().save(folder / "moving.webp", **_more())


def _tiffs(folder: Path) -> None:
    for kind in ("raw", "tiff_lzw", "packbits", "jpeg", "tiff_adobe_deflate"):
        _still().save(folder / f"{kind}.tif", compression=kind, **({} if kind == "jpeg" else _about()))
    Image.fromarray(picture(HEIGHT, WIDTH)[..., 0] * np.uint16(257)).save(folder / "deep.tif")
    _still(4).save(folder / "rgba.tif")
    _still().save(folder / "pages.tif", save_all=True, append_images=[_still()])
    _still().save(folder / "big.tif", big_tiff=True)
    _still().convert("CMYK").save(folder / "cmyk.tif")


def _gifs(folder: Path) -> None:
    _still().save(folder / "still.gif", comment=b"a")
    _still(1).save(folder / "grey.gif")
    _still().save(folder / "moving.gif", **_more())
    _still().save(folder / "no_delay.gif", **(_more() | {"duration": 0}))


def _bmps(folder: Path) -> None:
    for image in (_still(), _still(4), _still(1), _still().quantize(200), _still().convert("1")):
        image.save(folder / f"{image.mode}.bmp")


def _wavs(folder: Path) -> None:
    write_wav(folder / "16.wav", noise(4096, 2))
    write_wav(folder / "24.wav", noise(4096, 1, 24), 24, b"LIST\4\0\0\0abcd")


def _flacs(folder: Path) -> None:
    wav = write_wav(folder / "x.wav", noise(9000, 2))
    ffmpeg(f"-i {wav}", folder / "stereo.flac")
    wav = write_wav(folder / "x.wav", noise(9000, 1, 24), 24)
    ffmpeg(f"-i {wav}", folder / "deep.flac", "-metadata title=a")
    wav.unlink()


def _mp4s(folder: Path) -> None:
    encode(folder / "levels.mp4", moving(12, 96, 128, noise=8), "libx264", "yuv420p", crf="18")
    make_film(folder / "sound.mp4", 5, HEIGHT, WIDTH, codec="libx264", pix_fmt="yuv420p", sound="aac", turn=90)
    films.write_film(folder / "exact.mp4", [picture(HEIGHT, WIDTH, seed) for seed in range(3)], form="mp4")


def _mkvs(folder: Path) -> None:
    films.write_film(folder / "exact.mkv", [picture(HEIGHT, WIDTH, seed) for seed in range(3)])
    make_film(folder / "sound.mkv", 5, HEIGHT, WIDTH, codec="libx264", pix_fmt="yuv420p", sound="aac")


def _rare_pictures(folder: Path) -> None:
    for form in ("JPEG2000", "TGA", "ICO", "PPM", "DDS", "SGI", "PCX", "QOI", "ICNS", "MPO"):
        image = _still(4) if form == "DDS" else _still()
        image.save(folder / f"{form}.rare", form)


def _rare_films(folder: Path) -> None:
    whole = make_film(folder / "whole.mkv", 5, HEIGHT, WIDTH, codec="libx264", pix_fmt="yuv420p", sound="aac")
    for form, codecs in _RARE_FILMS.items():
        ffmpeg(f"-i {whole}", folder / f"{form}.rare", f"-f {form} {codecs}")


def _archives(folder: Path) -> None:
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(folder / f"{method}.zip", "w", method) as packing:
            packing.writestr("a.txt", b"a" * 300)
            packing.writestr("b/", b"")
            packing.writestr("b/ü.bin", bytes(range(256)) * 2)
    whole = folder / "whole"
    whole.mkdir()
    (whole / "x").write_bytes(_NOTE)
    archive.pack(whole, folder).rename(folder / "packed.zip")


def _keys(folder: Path) -> None:
    make_key_file(folder / "key.key")
    recipient = make_identity_file(folder / "identity.key")
    (folder / "recipient.key").write_text(str(recipient))
    (folder / "raw.key").write_bytes(bytes(range(100, 132)))


def _weights(folder: Path) -> None:
    save_untrained(folder / "pair.safetensors")
    torch.manual_seed(0)
    for name in ("costa", "modem"):
        with suppress(TypeError, StegnetError):
            made = pair.build(name)
            pair.save_pair(folder / f"{name}.safetensors", made, pair.Card(name, {}, {"base": "means", "block": 8}))


def _network() -> Path:
    """A pair's weights, beside its ONNX files, in a folder that stays."""
    folder = Path(os.environ["FUZZ_FOLDER"]) / "network"
    folder.mkdir(exist_ok=True)
    return folder / "w.safetensors"


def _onnxs(folder: Path) -> None:
    path = save_untrained(_network())
    export(path, path.parent)
    for file in path.parent.glob("*.onnx"):
        shutil.copy(file, folder)


def _records(folder: Path) -> None:
    film_id, keys = bytes(range(16)), ContainerKeys(KEY, bytes(16))
    file = File("note.txt", len(_NOTE), bytes(32))
    weights = weights_id(SHIPPED)
    hidden = Pictures(WIDTH, HEIGHT, 1, Fraction(1, 25), Fraction(25), "none", 8, weights)
    spread, spare = File("a", 3, bytes(32), needed=1), File("a", 3, bytes(32), needed=2, enough=1)
    records = {
        "file": Record(Header(film_id, "file", 1, file), 0, data=_NOTE),
        "picture": Record(Header(film_id, "picture", 1, hidden), 0),
        "spread": Record(Header(film_id, "file", 3, spread), 0, data=b"abc"),
        "spare": Record(Header(film_id, "file", 2, spare), 0, 0, data=b"ab"),
        "part": Record(Header(film_id, "file", 2, file), 0, 0, data=_NOTE[:8]),
    }
    for kind in ("means", "coded"):
        coded, _ = encode_base(picture(160, 200), kind, 20, 4000)
        records[kind] = Record(Header(film_id, "picture", 1, replace(hidden, base=kind)), 0, 0, coded)
    for codec in ("aac", "pcm_s16le", "mp2"):
        film = make_film(folder / "film.mkv", 3, 16, 16, sound=codec)
        header = Header(film_id, "film", 3, replace(hidden, hidden=3, tracks=sound_tracks(film)))
        records[codec] = Record(header, 0, data=format_packets(islice(read_sound(film), 2))[:6000])
    for name, each in records.items():
        (folder / f"{name}.record").write_bytes(format_record(each, keys.film))


def _contents(folder: Path) -> None:
    (folder / "file.content").write_bytes(b"\1" + (20).to_bytes(3, "big") + b"\3abc" + bytes(range(16)))
    fitted = BareCoder.quick(8).to_fit(picture(24, 32), 4000)
    assert fitted
    _, coded = fitted
    for kind in range(5):
        body = (24).to_bytes(2, "big") + (32).to_bytes(2, "big") + b"\0" + coded
        (folder / f"{kind}.content").write_bytes(bytes([kind]) + len(body).to_bytes(3, "big") + body)


def _containers(seeds: Callable[[Path], object], **options: Any) -> Callable[[Path], None]:
    """Makes containers of the files that another function makes."""

    def make(folder: Path) -> None:
        seeds(folder)
        for cover in sorted(folder.iterdir()):
            made = folder / f"c_{cover.name}"
            with suppress(StegnetError):
                stegnet.hide(cover, _NOTE, made, key=KEY, **options)
            cover.unlink()

    return make


# Doors

_RARE_FILMS = {  # by FFmpeg's names of their formats
    "avi": "-c:v mpeg4 -c:a mp3",
    "flv": "-c:v flv1 -c:a mp3",
    "mpegts": "-c copy",
    "mpeg": "-c:v mpeg2video -c:a mp2",
    "ogg": "-an -c:v theora",
    "asf": "-c:v wmv2 -c:a wmav2",
    "webm": "-c:v vp8 -an",
    "nut": "-c:v ffv1 -c:a pcm_s16le",
    "yuv4mpegpipe": "-an -pix_fmt yuv420p",
    "ivf": "-c:v vp8 -an",
    "h264": "-c:v copy -an",
}
_OUTPUTS = {
    ".wav": ("out.wav",),
    ".flac": ("out.flac",),
    ".mkv": ("out.mkv", "out.mp4"),
    ".mp4": ("out.mp4", "out.mkv"),
}


def _cover(path: Path, draw: random.Random) -> None:
    if draw.random() < 0.3:
        stegnet.info(path)
    to = draw.choice((None, *_OUTPUTS.get(path.suffix, ("out.png", "out.jpg", "out.mkv"))))
    options = draw.choice(({}, {}, {}, {"resize": 64}, {"survive": "jpeg:75"}))
    stegnet.hide(path, _NOTE, to, key=KEY, **(options if path.suffix not in _OUTPUTS else {}))
    if to:
        if stegnet.reveal(to, key=KEY).data != _NOTE:
            raise AssertionError("revealed otherwise")
        Path(to).unlink()


def _container(path: Path, draw: random.Random) -> None:
    if draw.random() < 0.3:
        stegnet.info(path, key=KEY)
    to = draw.choice((None, "out.bin", "out.png", "out.mkv"))
    stegnet.reveal(path, to, key=KEY)
    if to:
        Path(to).unlink()


def _secret(path: Path, draw: random.Random) -> None:
    """Hides a file as it is, compressed, or coded for a lossy channel, and reveals it as another format."""
    film = path.suffix in {".mkv", ".mp4", ".rare"}
    how = draw.randrange(3)
    cover = picture(*((64, 96), (150, 200), (400, 500))[how], 5)
    if how == 1 and not film and draw.random() < 0.2:
        stegnet.hide(picture(256, 320, 5), path, "sent.jpg", key=KEY, survive="jpeg:75")
    else:
        stegnet.hide(cover, path, "sent.png", key=KEY)
    sent = next(Path().glob("sent.*"))
    out = draw.choice((".mp4", ".mkv") if film else (".png", ".jpg", ".webp", ".avif"))
    with suppress(StegnetError):
        stegnet.reveal(sent, f"back{out}", key=KEY)
        Path(f"back{out}").unlink()
    sent.unlink()


def _sent(folder: Path) -> Path:
    Image.fromarray(picture(2 * HEIGHT, 2 * WIDTH)).save(folder / "cover.jpg", quality=95)
    return folder / "cover.jpg"


def _arrived(folder: Path) -> None:
    sent = _sent(folder)
    codings: dict[str, dict[str, Any]] = {
        "plain": {}, "optimised": {"optimize": True}, "progressive": {"progressive": True},
    }  # fmt: skip
    for name, options in codings.items():
        with Image.open(sent) as image:
            image.save(folder / f"{name}.jpg", quality=75, **options)
    sent.unlink()


def _channel(path: Path, draw: random.Random) -> None:
    """Learns a channel from a file that arrived."""
    cover = _sent(Path())
    try:
        stegnet.hide(cover, _NOTE, "out.jpg", key=KEY, channel_from=(cover, path))
    finally:
        cover.unlink()
    Path("out.jpg").unlink()


class _Unsealed(FoundSecret):
    """A hidden folder as the methods find it, whose archive is this file."""

    name = "x.folder.zip"

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        shutil.copy(self.path, out.path)
        return Report(name=self.name)

    def details(self) -> dict[str, Any]:
        return {}


def _archive(path: Path, draw: random.Random) -> None:
    archive.write_folder(_Unsealed(path), OutputTarget(Path("out"), folder=True), False)
    shutil.rmtree("out")


def _key(path: Path, draw: random.Random) -> None:
    for read in (read_key, read_identity, read_recipient, shown_text):
        with suppress(StegnetError):
            read(path)


def _weights_file(path: Path, draw: random.Random) -> None:
    pair.load_pair(path)
    session = stegnet.Session(weights=path, backend="torch", device="cpu")
    if draw.random() < 0.3:
        session.hide(picture(64, 64), picture(16, 16), key=KEY, method="network", any_quality=True)
    if draw.random() < 0.3:
        session.hide(picture(256, 256), _NOTE, key=KEY, survive="jpeg:75")


def _onnx(path: Path, draw: random.Random) -> None:
    weights = Path("w.safetensors")
    for file in _network().parent.iterdir():
        (Path() / file.name).symlink_to(file)
    try:
        target = Path(f"w.{draw.choice(('hide', 'reveal', 'enhance', 'prepare', 'restore'))}.onnx")
        target.unlink(missing_ok=True)
        shutil.copy(path, target)
        engine, zeros = load_engine(weights, "onnx"), np.zeros((16, 16, 3), np.float32)
        engine.hide(zeros, engine.prepare(zeros))
        engine.restore(engine.enhance(zeros), engine.reveal(zeros))
    finally:
        for file in Path().glob("w.*"):
            file.unlink()


def _record(path: Path, draw: random.Random) -> None:
    """Seals a record in pictures and films, as whoever has the key can, and reveals them."""
    data, count = path.read_bytes(), draw.choice((1, 1, 3))
    frames, keys = [], ContainerKeys(KEY, bytes(16))
    try:
        for number in range(count):
            frame = picture(160, 200, number)
            own = data[:53] + number.to_bytes(4, "big") + data[57:] if number else data  # its index
            seal(frame, own[:9000], keys, draw.randbytes(32), texture_costs(frame), SealOptions(not number, 1))
            frames.append(frame)
        film = Path("film.mkv")
        if count > 1:
            films.write_film(film, frames)
        container = film if count > 1 else frames[0]
        for name in ("out.mkv", "out.mp4", "out.png"):
            with suppress(StegnetError):
                stegnet.reveal(container, name, key=KEY)
        if count > 1:
            stegnet.info(container, key=KEY)
    finally:
        for each in Path().iterdir():
            each.unlink()


def _shown(path: Path, draw: random.Random) -> None:
    """Writes the film that a record tells of, with its sound, as revealing does after its network."""
    try:
        record = parse_record(path.read_bytes(), KEY)
        secret = record.header.secret
        packets = list(parse_packets(record.data, len(secret.tracks) if isinstance(secret, Pictures) else 0))
    except ValueError:  # which makes it no record
        return
    if not isinstance(secret, Pictures) or secret.width * secret.height > _MOST_SHOWN:
        return

    def frames() -> Generator[FilmFrame, None, None]:
        for number in range(3):
            black = np.zeros((secret.height, secret.width, 3), np.uint8)
            yield FilmFrame(black, (record.stamp + number) * secret.time_base, packets)

    form, size = draw.choice(("mkv", "mp4", "watchable")), (secret.width, secret.height, secret.rate)
    how: dict[str, Any] = {"form": form, "time_base": secret.time_base, "sound": secret.tracks}
    how["aspect"] = None if secret.aspect == 1 else secret.aspect
    with atomic_write(Path("out")) as part:
        write_film(part, lambda: FilmWriter(part, *size, **how), frames(), lambda done: None)
    Path("out").unlink()


def _content(path: Path, draw: random.Random) -> None:
    """Parses the content of a robust record; a ValueError is its only error."""
    with suppress(ValueError):
        parse_content(path.read_bytes(), draw.choice((0, HEIGHT * WIDTH)))


PICTURES = {
    "png": (".png", _pngs, mutate.either(mutate.png)),
    "apng": (".png", _apngs, mutate.either(mutate.png)),
    "jpeg": (".jpg", _jpegs, mutate.either(mutate.jpeg)),
    "heic": (".heic", _heics, mutate.either(mutate.boxes)),
    "avif": (".avif", _avifs, mutate.either(mutate.boxes)),
    "webp": (".webp", _webps, mutate.either(mutate.riff)),
    "tiff": (".tif", _tiffs, mutate.either(mutate.tiff)),
    "gif": (".gif", _gifs, mutate.bytes_of),
    "bmp": (".bmp", _bmps, mutate.bytes_of),
    "rare picture": (".rare", _rare_pictures, mutate.bytes_of),
    "rare film": (".rare", _rare_films, mutate.bytes_of),
    "mp4": (".mp4", _mp4s, mutate.either(mutate.boxes)),
    "mkv": (".mkv", _mkvs, mutate.either(mutate.matroska)),
}
SOUNDS = {
    "wav": (".wav", _wavs, mutate.either(mutate.riff)),
    "flac": (".flac", _flacs, mutate.either(mutate.flac)),
}
DOORS = {
    **{
        f"{name} cover": Door(suffix, seeds, _cover, damage)
        for name, (suffix, seeds, damage) in (PICTURES | SOUNDS).items()
    },
    **{
        f"{name} container": Door(suffix, _containers(seeds), _container, damage)
        for name, (suffix, seeds, damage) in (PICTURES | SOUNDS).items()
        if name in {"png", "jpeg", "mp4", "mkv", "wav", "flac"}
    },
    **{f"{name} secret": Door(suffix, seeds, _secret, damage) for name, (suffix, seeds, damage) in PICTURES.items()},
    "jpeg channel": Door(".jpg", _arrived, _channel, mutate.either(mutate.jpeg)),
    "archive": Door(".zip", _archives, _archive, mutate.either(mutate.zip_archive)),
    "keys": Door(".key", _keys, _key, mutate.bytes_of),
    "weights": Door(".safetensors", _weights, _weights_file, mutate.either(mutate.safetensors)),
    "onnx": Door(".onnx", _onnxs, _onnx, mutate.bytes_of),
    "record": Door(".record", _records, _record, mutate.either(mutate.record)),
    "film record": Door(".record", _records, _shown, mutate.either(mutate.record)),
    "content": Door(".content", _contents, _content, mutate.bytes_of),
}


# Running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"all by default: {', '.join(DOORS)}")
    parser.add_argument("--seconds", type=float, default=60, help="for each door")
    parser.add_argument("--runs", type=int, help="files for each door, instead of a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the file of this number alone, with its traceback")
    parser.add_argument("--seeds", type=Path, help="folder of more whole files")
    parser.add_argument("--keep", type=Path, help="folder for the files that find a fault")
    options = parser.parse_args()
    if unknown := set(options.doors) - DOORS.keys():
        parser.error(f"no such door: {', '.join(sorted(unknown))}")
    faults = 0
    for name in options.doors or DOORS:
        faults += _fuzz(name, options)
    sys.exit(bool(faults))


@dataclass(frozen=True)
class Run:
    """Damaged files for a door; each follows from its number."""

    name: str
    door: Door
    folder: Path  # with whole files in its folder "seeds"
    seed: int

    def make_seeds(self, more: Path | None) -> None:
        """Makes the whole files, and copies more from a folder."""
        seeds = self.folder / "seeds"
        seeds.mkdir()
        warnings.simplefilter("ignore")
        self.door.seeds(seeds)
        for path in more.glob(f"*{self.door.suffix}") if more else ():
            shutil.copy(path, seeds)

    def damaged(self, number: int) -> tuple[bytes, random.Random]:
        """A damaged file, and what else is drawn for it."""
        draw = random.Random(f"{self.name} {self.seed} {number}")
        whole = sorted(path for path in (self.folder / "seeds").iterdir() if path.suffix == self.door.suffix)
        data = draw.choice(whole).read_bytes()
        for _ in range(draw.choice((1, 1, 1, 2))):
            data = self.door.damage(data, draw)
        return data, draw


def _fuzz(name: str, options: argparse.Namespace) -> int:
    """Enters a door with damaged files; prints what came, and returns the number of kinds of faults."""
    with TemporaryDirectory() as folder:
        os.environ["FUZZ_FOLDER"] = folder
        run = Run(name, DOORS[name], Path(folder), options.seed)
        process = get_context("fork").Process(target=run.make_seeds, args=(options.seeds,))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{name}: no whole files could be made")
        found: dict[str, list[int]] = defaultdict(list)
        for number, outcome in _outcomes(run, options):
            found[outcome].append(number)
            if options.keep and outcome.startswith("FAULT") and len(found[outcome]) == 1:
                options.keep.mkdir(exist_ok=True)
                kept = f"{name.replace(' ', '_')}-{options.seed}-{number}{run.door.suffix}"
                (options.keep / kept).write_bytes(run.damaged(number)[0])
    kinds = sorted(outcome for outcome in found if outcome.startswith("FAULT"))
    total, taken, refused = sum(map(len, found.values())), len(found["taken"]), len(found["refused"])
    print(f"{name}: {total} files, {taken} taken, {refused} refused, {len(kinds)} kinds of faults")
    for kind in kinds:
        print(f"  {len(found[kind]):5} × {kind} (--seed {options.seed} --only {found[kind][0]})")
    sys.stdout.flush()
    return len(kinds)


def _outcomes(run: Run, options: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """Numbers of files and what came of them, for the time or the number of runs that is asked for."""
    if options.only is not None:
        yield options.only, next(_batch(run, options.only, 1, True))
        return
    number, end = 0, time.monotonic() + options.seconds
    while number < options.runs if options.runs else time.monotonic() < end:
        count = min(_BATCH, options.runs - number) if options.runs else _BATCH
        for outcome in _batch(run, number, count, False):
            yield number, outcome
            number += 1


def _batch(run: Run, first: int, count: int, loud: bool) -> Iterator[str]:
    """Outcomes of some files, in a process of their own; one that dies, or hangs, ends the batch with a fault."""
    context = get_context("fork")
    receiving, sending = context.Pipe(False)
    process = context.Process(target=_work, args=(sending, run, range(first, first + count), loud))
    process.start()
    sending.close()
    try:
        for _ in range(count):
            if not receiving.poll(_SILENCE):
                yield "FAULT: hangs"
                return
            try:
                yield receiving.recv()
            except EOFError:
                process.join()
                yield f"FAULT: the process died ({process.exitcode})"
                return
    finally:
        process.kill()
        process.join()


def _work(sending: Connection, run: Run, numbers: range, loud: bool) -> None:
    torch.set_num_threads(1)
    if not loud:  # FFmpeg and libjpeg tell what they think of damaged files
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    signal.signal(signal.SIGPROF, _too_long)
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    used = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (used + _MEMORY, resource.RLIM_INFINITY))
    with TemporaryDirectory(dir=run.folder) as home:
        tempfile.tempdir = f"{home}/temporary"
        temporary = Path(tempfile.tempdir)
        temporary.mkdir()
        for number in numbers:
            data, draw = run.damaged(number)
            place, path = Path(home) / f"work{number}", Path(home) / f"file{number}{run.door.suffix}"
            place.mkdir()
            os.chdir(place)
            path.write_bytes(data)
            sending.send(_outcome(run.door, path, draw, temporary))
            path.unlink()
            shutil.rmtree(place)


def _too_long(*_: object) -> None:
    signal.setitimer(signal.ITIMER_PROF, 1)  # again, where a library swallows the first
    raise _TooLongError


def _outcome(door: Door, path: Path, draw: random.Random, temporary: Path) -> str:
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    outcome = "taken"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            door.enter(path, draw)
    except StegnetError as error:
        outcome = "refused"
        print(error.as_text(), file=sys.stderr)
        if "\n" in str(error) or not str(error):
            outcome = f"FAULT: {type(error).__name__} whose message is not one line"
    except BaseException as error:
        traceback.print_exc()
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "/stegnet/" in frame.filename]
        where = f"{own[-1].filename.rpartition('/stegnet/')[2]}:{own[-1].lineno}" if own else "here"
        outcome = f"FAULT: {type(error).__name__} in {where}"
        if not isinstance(error, _TooLongError):
            outcome += f" by {frames[-1].filename.rpartition('/')[2]}:{frames[-1].name}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    left = [
        each.name for folder in (Path(), temporary) for each in folder.iterdir() if not each.name.startswith(_TORCHS)
    ]
    if left and not outcome.startswith("FAULT"):
        outcome = f"FAULT: left behind: {sorted(left)[0]}"
    for each in temporary.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    return outcome


if __name__ == "__main__":
    main()
