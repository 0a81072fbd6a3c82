"""Fuzzes every door where strangers' bytes come in: python -m tools.fuzz [DOOR …] [--seconds 60].

Each door reads files of one format: a cover is described and hidden in, a container revealed, a secret hidden and
revealed as another format, a folder unpacked, a key or network loaded, a record read. The files are made here, and
`tools.mutate` damages them. Allowed are a result, which of a container is what was hidden, or comes with a warning,
and an error that is meant for users. Anything else is a fault: another exception, 10 seconds of computing, a gigabyte
of memory, a crash, and files that are left behind. --only NUMBER repeats one.
"""

import argparse
import io
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
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from multiprocessing import TimeoutError as NoAnswerError, get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch  # before a process starts others: it takes seconds
from PIL import Image

import stegnet
from pipeline.export import export
from stegnet import Key, Session, StegnetError
from stegnet.cli import main as stegnet_main
from stegnet.core.disk import atomic_write
from stegnet.files.archive import write_folder
from stegnet.image import read_picture
from stegnet.image.avif import BareCoder
from stegnet.keys import ContainerKeys, make_identity_file, make_key_file, read_identity, read_key, read_recipient
from stegnet.keys.keyfiles import shown_text
from stegnet.methods.robust.robust_content import parse_content
from stegnet.networks import Card, build, load_pair, save_pair
from stegnet.networks.card import SHIPPED, weights_id
from stegnet.networks.engines import load_engine
from stegnet.record import File, Header, Pictures, Record, encode_base, format_record
from stegnet.record.coding import format_packets, parse_packets, parse_record
from stegnet.results import OutputTarget, Report
from stegnet.results.output import FilmFrame, write_film
from stegnet.sealing import SealOptions, seal, texture_costs
from stegnet.video import FilmWriter
from stegnet.video.films import read_frames
from stegnet.video.sound_streams import read_sound, sound_tracks
from tests.support import films
from tests.support.films import encode, ffmpeg, make_film, picture
from tests.support.h264 import moving
from tests.support.pairs import save_untrained
from tests.support.sounds import noise, write_wav
from tests.support.stills import stills
from tools import mutate

ROOT = Path(__file__).parents[1]
SECRET = bytes(range(32))
KEY = Key(SECRET)
HEIGHT, WIDTH = 72, 96
NOTE = b"meet me at eight"
_SECONDS, _MEMORY = 10, 1 << 30


# Whole files: each function makes those of one folder

_RARE_FILMS = {  # by FFmpeg's names of their formats
    **{"avi": "-c:v mpeg4 -c:a mp3", "flv": "-c:v flv1 -c:a mp3", "mpegts": "-c copy", "webm": "-c:v vp8 -an"},
    **{"mpeg": "-c:v mpeg2video -c:a mp2", "ogg": "-an -c:v theora", "asf": "-c:v wmv2 -c:a wmav2"},
    **{"nut": "-c:v ffv1 -c:a pcm_s16le", "yuv4mpegpipe": "-an -pix_fmt yuv420p", "ivf": "-c:v vp8 -an"},
    "h264": "-c:v copy -an",
}


def _covers(folder: Path) -> None:
    shown = np.dstack([picture(HEIGHT, WIDTH), picture(HEIGHT, WIDTH, 1)[..., 0]])
    for name, data in stills(shown).items():
        path = folder / name
        (path if path.suffix in _PICTURES else path.with_suffix(".rare")).write_bytes(data)
    ffmpeg(f"-i {folder}/rgba.png", folder / "interlaced.png", "-flags +ildct")
    ffmpeg(f"-i {folder}/rgba.png", folder / "deep.png", "-pix_fmt rgb48be")
    shutil.copytree(ROOT / "tests/image/heic", folder, dirs_exist_ok=True)
    encode(folder / "levels.mp4", moving(12, 96, 128, noise=8), "libx264", "yuv420p", crf="18")
    for suffix in ("mkv", "mp4"):
        films.write_film(folder / f"exact.{suffix}", [picture(HEIGHT, WIDTH, seed) for seed in range(3)], form=suffix)
        film = folder / f"sound.{suffix}"
        make_film(film, 5, HEIGHT, WIDTH, codec="libx264", pix_fmt="yuv420p", sound="aac", turn=90)
    for form, codecs in _RARE_FILMS.items():
        ffmpeg(f"-i {folder}/sound.mkv", folder / f"{form}.rare", f"-f {form} {codecs}")
    write_wav(folder / "16.wav", noise(4096, 2))
    write_wav(folder / "24.wav", noise(4096, 1, 24), 24, b"LIST\4\0\0\0abcd")
    for depth in (16, 24):
        ffmpeg(f"-i {folder}/{depth}.wav", folder / f"{depth}.flac", "-metadata title=a")


def _containers(folder: Path) -> None:
    """Hides a note in each cover that can hold it."""
    _covers(folder)
    for cover in sorted(folder.iterdir()):
        made = cover.with_name(f"made{cover.name}")
        with suppress(StegnetError):
            stegnet.hide(cover, NOTE, made, key=KEY)
        made.replace(cover) if made.exists() else cover.unlink()


def _pairs(folder: Path) -> None:
    """Hides a picture and a film by a network, twice each; what comes out of them lies in the folder "out"."""
    (folder / "out").mkdir()
    session = Session(weights=save_untrained(folder / "w.safetensors"), device="cpu")
    for form, suffixes in {".png": [".png"], ".mkv": [".mkv", ".mp4"]}.items():
        cover, secret = (folder / f"out/{name}{form}" for name in ("cover", "secret"))
        for path, seed in ((cover, 0), (secret, 9)):
            frames = [picture(64, WIDTH, seed + index) for index in range(4)]
            Image.fromarray(frames[0]).save(path) if form == ".png" else films.write_film(path, frames)
        for name in (f"{number}{suffix}" for suffix in suffixes for number in range(2)):
            session.hide(cover, secret, folder / name, key=KEY, method="network", any_quality=True)
            session.reveal(folder / name, folder / f"out/{name}{form}", key=KEY)


def _others(folder: Path) -> None:
    """Makes what arrives of a sent JPEG, archives, keys, networks and their graphs, and contents of robust records."""
    for name in ("plain", "optimize", "progressive"):
        Image.fromarray(picture(HEIGHT, WIDTH)).save(folder / f"{name}.jpg", quality=75, **{name: True})  # type: ignore[arg-type]
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(folder / f"{method}.zip", "w", method) as packing:
            for name, content in {"a.txt": b"a" * 300, "b/": b"", "b/ü.bin": bytes(range(256)) * 2}.items():
                packing.writestr(name, content)
    make_key_file(folder / "key.key")
    (folder / "recipient.key").write_text(str(make_identity_file(folder / "identity.key")))
    (folder / "raw.key").write_bytes(bytes(range(100, 132)))
    export(save_untrained(folder / "w.safetensors"), folder)
    save_pair(folder / "modem.safetensors", build("modem"), Card("modem", {}, {"base": "means", "block": 8}))
    (folder / "file.content").write_bytes(b"\1" + (20).to_bytes(3, "big") + b"\3abc" + bytes(range(16)))
    fitted = BareCoder.quick(8).to_fit(picture(24, 32), 4000)
    body = (24).to_bytes(2, "big") + (32).to_bytes(2, "big") + b"\0" + fitted[1]  # type: ignore[index]
    for kind in range(5):
        (folder / f"{kind}.content").write_bytes(bytes([kind]) + len(body).to_bytes(3, "big") + body)


def _records(folder: Path) -> None:
    film_id = bytes(range(16))
    file = File("note.txt", len(NOTE), bytes(32))
    hidden = Pictures(WIDTH, HEIGHT, 1, Fraction(1, 25), Fraction(25), "none", 8, weights_id(SHIPPED))
    spread, spare = File("a", 3, bytes(32), needed=1), File("a", 3, bytes(32), needed=2, enough=1)
    records = {
        "file": Record(Header(film_id, "file", 1, file), 0, data=NOTE),
        "picture": Record(Header(film_id, "picture", 1, hidden), 0),
        "spread": Record(Header(film_id, "file", 3, spread), 0, data=b"abc"),
        "spare": Record(Header(film_id, "file", 2, spare), 0, 0, data=b"ab"),
        "part": Record(Header(film_id, "file", 2, file), 0, 0, data=NOTE[:8]),
    }
    for kind in ("means", "coded"):
        coded, _ = encode_base(picture(160, 200), kind, 20, 4000)
        records[kind] = Record(Header(film_id, "picture", 1, replace(hidden, base=kind)), 0, 0, coded)
    for codec in ("aac", "pcm_s16le", "mp2"):
        film = make_film(folder / "film.mkv", 3, 16, 16, sound=codec)
        header = Header(film_id, "film", 3, replace(hidden, hidden=3, tracks=sound_tracks(film)))
        records[codec] = Record(
            header, 0, data=format_packets(islice(read_sound(film), 1 if codec == "pcm_s16le" else 2))
        )
    for name, each in records.items():
        (folder / f"{name}.record").write_bytes(format_record(each, bytes(16)))


# Readers: each reads a file, may write into the current folder, which is empty, and returns True if it refuses the file


def _cover(path: Path, draw: random.Random) -> None:
    if draw.random() < 0.3:
        stegnet.info(path)
    film, sound = path.suffix in (".mkv", ".mp4"), path.suffix in (".wav", ".flac")
    outputs = (f"out{path.suffix}",) if sound else ("out.mkv", "out.mp4") if film else ("out.png", "out.jpg", "out.mkv")
    options = draw.choice(({}, {}, {}, {"resize": 64}, {"survive": "jpeg:75"}))
    to = draw.choice((None, *outputs))
    stegnet.hide(path, NOTE, to, key=KEY, **({} if film or sound else options))
    assert not to or stegnet.reveal(to, key=KEY).data == NOTE, "revealed otherwise"


def _picture(path: Path) -> Iterator[np.ndarray]:
    yield read_picture(path)


def _container(path: Path, draw: random.Random) -> bool:
    """Reveals by the command line, whose words and exit code are checked, too."""
    if draw.random() < 0.2:
        stegnet.info(path, key=KEY)
    right = next((path.parents[1] / "_pairs/out").glob(f"{path.name}.*"), None)  # of a network's container
    out = Path(f"out{right.suffix}" if right else draw.choice(("out.bin", "out.bin", "out.png", "out.mkv")))
    Path("k").write_bytes(SECRET)
    line = ["reveal", str(path), "-o", str(out), "--key-file", "k"]
    line += ["--weights", str(right.parents[1] / "w.safetensors")] if right else []
    err = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(err):
        code = stegnet_main(line)
    assert code in (0, 1, 3) and out.exists() == (code != 1), f"exit code {code}, output: {out.exists()}"
    assert "Traceback" not in err.getvalue(), "a traceback was printed"
    assert not code or err.getvalue().startswith(("error: ", "warning: ", "note: ")), "no message"
    if code == 0:
        shown = _picture if out.suffix == ".png" else read_frames
        same = np.array_equal([*shown(out)], [*shown(right)]) if right else out.read_bytes() == NOTE
        assert same, "exit code 0 with wrong output"
    return code == 1


def _secret(path: Path, draw: random.Random) -> None:
    """Hides a file as it is, compressed, or coded for a lossy channel, and reveals it as another format."""
    film, sides = path.suffix in (".mkv", ".mp4", ".rare"), draw.choice(((64, 96), (150, 200), (400, 500)))
    if not film and draw.random() < 0.07:
        sent = stegnet.hide(picture(256, 320, 5), path, key=KEY, survive="jpeg:75")
    else:
        sent = stegnet.hide(picture(*sides, 5), path, key=KEY)
    out = draw.choice((".mp4", ".mkv") if film else (".png", ".jpg", ".webp", ".avif"))
    stegnet.reveal(sent.container, f"out{out}", key=KEY)  # type: ignore[arg-type]


def _channel(path: Path, draw: random.Random) -> None:
    """Learns a channel from a file that arrived."""
    Image.fromarray(picture(HEIGHT, WIDTH)).save("sent.jpg", quality=95)
    Path("app.channel").write_text(stegnet.learn_channel([("sent.jpg", path)]).text(), encoding="utf-8")
    stegnet.hide("sent.jpg", NOTE, "out.jpg", key=KEY, survive="app.channel")


def _archive(path: Path, draw: random.Random) -> None:
    """Unpacks an archive as if it had been hidden."""
    hidden: Any = SimpleNamespace(name="x.folder.zip", write=lambda to, strict: shutil.copy(path, to.path) and Report())
    write_folder(hidden, OutputTarget(Path("out"), folder=True), False)


def _key(path: Path, draw: random.Random) -> None:
    for read in (read_key, read_identity, read_recipient, shown_text):
        with suppress(StegnetError):
            read(path)


def _weights(path: Path, draw: random.Random) -> None:
    load_pair(path)
    session = Session(weights=path, backend="torch", device="cpu")
    if draw.random() < 0.3:
        session.hide(picture(64, 64), picture(16, 16), key=KEY, method="network", any_quality=True)
    if draw.random() < 0.3:
        session.hide(picture(256, 256), NOTE, key=KEY, survive="jpeg:75")


def _graph(path: Path, draw: random.Random) -> None:
    target = Path(f"w.{draw.choice(('hide', 'reveal', 'enhance', 'prepare', 'restore'))}.onnx")
    for whole in (path.parents[1] / "_others").glob("w.*"):
        shutil.copy(path if whole.name == target.name else whole, whole.name)
    engine, zeros = load_engine(Path("w.safetensors"), "onnx"), np.zeros((16, 16, 3), np.float32)
    engine.hide(zeros, engine.prepare(zeros))
    engine.restore(engine.enhance(zeros), engine.reveal(zeros))


def _record(path: Path, draw: random.Random) -> None:
    """Seals a record in pictures and films, as whoever has the key can, and reveals them."""
    data, frames, keys = path.read_bytes(), [], ContainerKeys(KEY, bytes(16))
    for number in range(3 if data[48] == 2 or draw.random() < 0.2 else 1):  # a film's record, most often, in a film
        frame = picture(160, 200, number)
        own = data[:53] + number.to_bytes(4, "big") + data[57:] if number else data  # its index
        options = SealOptions(not number, 1)
        frames.append(seal(frame, own[:9000], keys, draw.randbytes(32), texture_costs(frame), options))
    if len(frames) > 1:
        films.write_film(Path("film.mkv"), frames)
        stegnet.info("film.mkv", key=KEY)
        stegnet.reveal("film.mkv", draw.choice(("out.mkv", "out.mp4")), key=KEY)
    else:
        stegnet.reveal(frames[0], "out.png", key=KEY)


def _film_record(path: Path, draw: random.Random) -> None:
    """Writes the film that a record tells of, with its sound, as revealing does after its network."""
    with suppress(ValueError):  # which makes it no record
        record, _ = parse_record(path.read_bytes())
        shown = record.header.secret
        packets = list(parse_packets(record.data, len(shown.tracks) if isinstance(shown, Pictures) else 0))
        if isinstance(shown, Pictures) and shown.width * shown.height <= 1 << 16:
            black = np.zeros((shown.height, shown.width, 3), np.uint8)
            frames = (FilmFrame(black, (record.time + at) * shown.time_base, packets) for at in range(3))
            how: dict[str, Any] = {"form": draw.choice(("mkv", "mp4", "watchable")), "sound": shown.tracks}
            how |= {"time_base": shown.time_base, "aspect": None if shown.aspect == 1 else shown.aspect}
            size = shown.width, shown.height, shown.rate
            with atomic_write(Path("out")) as part:
                write_film(part, lambda: FilmWriter(part, *size, **how), frames, lambda done: None)


def _content(path: Path, draw: random.Random) -> None:
    with suppress(ValueError):  # its only error
        parse_content(path.read_bytes(), draw.choice((0, HEIGHT * WIDTH)))


# Doors

Reader = Callable[[Path, random.Random], bool | None]
_PICTURES = ".png", ".jpg", ".heic", ".avif", ".webp", ".tif", ".gif", ".bmp", ".rare", ".mp4", ".mkv"
READERS: dict[str, tuple[Callable[[Path], None], Reader, tuple[str, ...]]] = {
    "cover": (_covers, _cover, (*_PICTURES, ".wav", ".flac")),
    "container": (_containers, _container, (".png", ".jpg", ".mp4", ".mkv", ".wav", ".flac")),
    "pair": (_pairs, _container, (".png", ".mkv", ".mp4")),
    "secret": (_covers, _secret, _PICTURES),
    "channel": (_others, _channel, (".jpg",)),
    "archive": (_others, _archive, (".zip",)),
    "key": (_others, _key, (".key",)),
    "weights": (_others, _weights, (".safetensors",)),
    "graph": (_others, _graph, (".onnx",)),
    "record": (_records, _record, (".record",)),
    "film": (_records, _film_record, (".record",)),
    "content": (_others, _content, (".content",)),
}
DOORS = {
    f"{suffix[1:]}-{name}": (make, read, suffix)
    for name, (make, read, suffixes) in READERS.items()
    for suffix in suffixes
}


# Running


class Run(NamedTuple):
    """Damaged files for a door; each follows from its number."""

    name: str
    seed: int
    folder: Path
    whole: Path  # folder of the whole files, which several doors have in common

    def damaged(self, number: int) -> tuple[str, bytes, random.Random]:
        """The name of a whole file, a damaged one made of it, and what else is drawn for it."""
        draw, suffix = random.Random(f"{self.name} {self.seed} {number}"), DOORS[self.name][2]
        whole = sorted(self.whole.glob(f"*{suffix}"))
        path = draw.choice(whole)
        data = path.read_bytes()
        for _ in range(draw.choice((1, 1, 1, 2))):
            data = mutate.by_suffix(suffix)(data, draw)
        if draw.random() < 0.05:  # a part of another file, of the same key
            place, span = draw.randrange(len(data) + 1), draw.choice((16, 256, 4096))
            data = data[:place] + draw.choice(whole).read_bytes()[place : place + span] + data[place + span :]
        return path.name, data, draw

    def enter(self, number: int) -> str:
        """Reads a damaged file, in an empty folder; returns what comes of it."""
        name, data, draw = self.damaged(number)
        with TemporaryDirectory(dir=self.folder) as home:
            work, temporary, path = Path(home, "work"), Path(home, "temporary"), Path(home, name)
            for each in (work, temporary):
                each.mkdir()
            path.write_bytes(data)
            os.chdir(work)
            tempfile.tempdir = str(temporary)
            signal.setitimer(signal.ITIMER_PROF, _SECONDS, 1)
            outcome = _outcome(DOORS[self.name][1], path, draw)
            signal.setitimer(signal.ITIMER_PROF, 0)
            parts = [each.name for each in temporary.iterdir() if not each.name.startswith("torchinductor")]
            outputs = work.glob("out*" if outcome == "refused" else ".*")
            if left := [*parts, *(each.name for each in outputs)]:
                outcome = outcome if outcome.startswith("FAULT") else f"FAULT: left behind: {min(left)}"
            os.chdir(self.folder)
        return outcome


def _outcome(read: Reader, path: Path, draw: random.Random) -> str:
    try:
        return "refused" if read(path, draw) else "taken"
    except StegnetError as error:
        print(error.as_text(), file=sys.stderr)
        is_line = str(error) and "\n" not in str(error)
        return "refused" if is_line else f"FAULT: {type(error).__name__} whose message is not one line"
    except BaseException as error:
        traceback.print_exc()
        frames = traceback.extract_tb(error.__traceback__)
        own = next((frame for frame in reversed(frames) if "/stegnet/" in frame.filename), frames[-1])
        by = "" if isinstance(error, KeyboardInterrupt) else f" by {frames[-1].name}: {error}"
        return f"FAULT: {type(error).__name__} in {Path(own.filename).name}:{own.lineno}{by}".splitlines()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"all by default: {', '.join(DOORS)}")
    parser.add_argument("--seconds", type=float, default=60, help="for each door")
    parser.add_argument("--runs", type=int, help="files for each door, instead of a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="the file of this number alone, with its traceback")
    options = parser.parse_args()
    if unknown := set(options.doors) - DOORS.keys():
        parser.error(f"no such door: {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as folder:
        sys.exit(bool(sum(_fuzz(name, options, Path(folder)) for name in options.doors or DOORS)))


def _fuzz(name: str, options: argparse.Namespace, folder: Path) -> int:
    """Enters a door with damaged files; prints what came, and returns the number of kinds of faults."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, outcome in _outcomes(Run(name, options.seed, folder, folder / DOORS[name][0].__name__), options):
        found[outcome].append(number)
    kinds = sorted(outcome for outcome in found if outcome.startswith("FAULT"))
    total, taken, refused = sum(map(len, found.values())), len(found["taken"]), len(found["refused"])
    print(f"{name}: {total} files, {taken} taken, {refused} refused, {len(kinds)} kinds of faults", flush=True)
    for kind in kinds:
        print(f"  {len(found[kind]):5} × {kind} (--seed {options.seed} --only {found[kind][0]})")
    return len(kinds)


def _outcomes(run: Run, options: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """Numbers of files and what came of them, for the time or the number of runs that is asked for."""
    context, loud, files_a_process = get_context("fork"), options.only is not None, 200
    if not run.whole.exists():
        run.whole.mkdir()
        with context.Pool(1) as pool:
            pool.apply(DOORS[run.name][0], (run.whole,))
    number, pool = options.only or 0, context.Pool(1, _limit, (loud,), files_a_process)
    last, end = number + 1 if loud else options.runs, time.monotonic() + options.seconds
    while number < last if last else time.monotonic() < end:
        try:
            yield number, pool.apply_async(run.enter, (number,)).get(60)
        except NoAnswerError:
            yield number, "FAULT: no answer for a minute: the process died, or hangs"
            pool.terminate()
            pool = context.Pool(1, _limit, (loud,), files_a_process)
        number += 1
    pool.terminate()


def _limit(loud: bool) -> None:
    torch.set_num_threads(1)
    if not loud:  # FFmpeg and libjpeg tell what they think of damaged files
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    signal.signal(signal.SIGPROF, signal.default_int_handler)  # KeyboardInterrupt, which no library swallows
    resource.setrlimit(resource.RLIMIT_DATA, (psutil.Process().memory_info().data + _MEMORY, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
