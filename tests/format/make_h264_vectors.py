"""Makes the test vectors of H.264 films: `python -m tests.format.make_h264_vectors`.

Films that x264 has encoded and stegnet hides in, by seeded randomness, one of them altered; and answers.json, what a
reader finds in each by the book (`h264_by_the_book`), with the steps on the way there. x264's bytes differ from machine
to machine, and so would the films.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stegnet import Key
from stegnet.methods import DEFAULT_CONTEXT, METHODS, HideJob, hide_file
from stegnet.methods.h264 import FilmStream, H264Options, Slice
from stegnet.results import OutputTarget
from stegnet.sealing import frame_salt
from stegnet.video.h264_levels import write_levels
from stegnet.video.mp4 import read_mp4, write_mp4
from tests.format import h264_by_the_book as book
from tests.support.films import encode
from tests.support.h264 import moving

FOLDER, ANSWERS = Path(__file__).parent / "h264_vectors", "answers.json"
SECRET = bytes(range(32))
NAME, DATA = "note.txt", b"in the levels of the film's own H.264"
# Film: pictures, their height and width, whether they have colours, and options of x264.
FILMS = {
    "cabac": (45, (96, 128), False, "keyint=10:scenecut=0:bframes=8:b-adapt=0:b-pyramid=none:pbratio=1:qp=22"),
    "cavlc": (12, (64, 96), True, "keyint=12:bframes=3:b-adapt=0:b-pyramid=normal:pbratio=1:qp=22:cabac=0"),
    "baseline": (12, (64, 96), True, "keyint=2:slices=2:qp=24"),
}
PROFILES = {"baseline": "baseline"}
ALTERED = "baseline"  # once more, with another sign of a level that carries nothing


def cover(path: Path, kind: str) -> Path:
    """A film of moving waves and noise, which no picture predicts."""
    count, size, coloured, options = FILMS[kind]
    pictures = (picture if coloured else picture[..., 1:2].repeat(3, 2) for picture in moving(count, *size, noise=12))
    profile = PROFILES.get(kind, "high")
    options = f"threads=1:partitions=all:8x8dct={int(profile == 'high')}:{options}"
    return encode(path, pictures, "libx264", "yuv420p", profile=profile, **{"x264-params": options})


def hide(cover: Path, out: Path, data: bytes = DATA, seed: int = 0) -> None:
    """Hides a file with the key of all vectors."""
    draw = np.random.default_rng(seed)
    secret = out.with_name(NAME)
    secret.write_bytes(data)
    run = replace(DEFAULT_CONTEXT, randomness=draw.bytes)
    hide_file(HideJob(METHODS["h264"], H264Options(), run), cover, secret, OutputTarget(out, force=True), Key(SECRET))
    secret.unlink()


def alter(film: Path, out: Path) -> None:
    """Changes the sign of the first level that carries nothing of a slice that has carriers."""
    stream = FilmStream(film)
    part = next(part for pictures in stream.pictures() for part in pictures.slices if not part.carriers.all())
    units = stream.units(dict(stream.packets())[part.packet])
    units[part.unit] = with_other_sign(part)
    write_mp4(read_mp4(film), out, {part.packet: stream.packed(units)})


def with_other_sign(part: Slice) -> bytes:
    values = part.levels.value.copy()
    values[np.flatnonzero(~part.carriers)[0]] *= -1
    return write_levels(part.parameters, part.nal, values)


def groups(pictures: list[book.Pictures]) -> Iterator[book.Pictures]:
    """Those of a film that carry something."""
    group, at = book.group_at(pictures, 0)
    yield group
    while at < len(pictures):
        group, at = book.group_at(pictures, at)
        if len(group.samples) >= book.CARRIERS:
            yield group


def answer(film: Path, pictures: list[book.Pictures]) -> dict[str, object]:
    """The answer of a reader of a film.

    Args:
        pictures: its groups of pictures.
    """
    return {
        "film": film.name,
        "answer": "altered" if film.stem == "altered" else sha256(DATA).hexdigest(),
        "groups": [
            {
                "carriers": len(group.samples),
                "samples": sha256(group.samples).hexdigest(),
                "salt": frame_salt(book.frame_of(group)).hex(),
                "context": group.context.hex(),
            }
            for group in groups(pictures)
        ],
    }


def write_vectors(folder: Path) -> None:
    """Writes them."""
    with TemporaryDirectory() as covers:
        for kind in FILMS:
            hide(cover(Path(covers, f"{kind}.mp4"), kind), folder / f"{kind}.mp4")
    alter(folder / f"{ALTERED}.mp4", folder / "altered.mp4")
    films = [folder / f"{name}.mp4" for name in (*FILMS, "altered")]
    found = [answer(film, book.groups_of_pictures(book.Film(film))) for film in films]
    text = json.dumps({"key": SECRET.hex(), "name": NAME, "hidden": DATA.decode(), "vectors": found}, indent=1)
    (folder / ANSWERS).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    write_vectors(FOLDER)
