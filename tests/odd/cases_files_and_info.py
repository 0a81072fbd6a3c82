"""Files hidden by `--method sealed`, and `info`."""

from pathlib import Path

from tests.odd.case import NOTHING_OPENS, Case
from tests.odd.cases_containers import OF_ONE_PICTURE, ONE_FRAME, STRICT, one_sample, opened, order, same
from tests.odd.make import Maker, by_ffmpeg, filmed, folder, nothing, saved, written

COMPRESS = "--compress"
FULL_DISK = "error: the folder for temporary files"


def seal(what: str, make: Maker, name: str, says: str = "note: hidden: ", cover: str = "cover.png", **rest) -> Case:
    more = f" {COMPRESS}" if COMPRESS in what else ""
    return Case(
        f"sealed: {what}", make, f"hide {cover} {name} --method sealed{more} -o c{Path(cover).suffix}", says, **rest
    )


def reveal(what: str, make: Maker, says: str = "wrote s.txt: ", name: str = "a.mkv") -> Case:
    code, check = (3 if says.startswith("warning: ") else None), (nothing if says[0] == "e" else comes_back)
    line = f"reveal {name} -o s.txt{STRICT if STRICT in what else ''}"
    return Case(f"sealed: {what}", make, line, says, code, check=check)


def info(what: str, line: str, says: str = "kind: ", make: Maker = nothing, code: int | None = None) -> Case:
    return Case(f"info: {what}", make, f"info {line}", says, code)


def comes_back() -> None:
    assert Path("s.txt").read_bytes() == Path("notes.txt").read_bytes()


ALTERED = opened(one_sample, of="sealed.png")
EXCHANGED = order("0 2 1 3 4 5", "sealed.mkv")
CASES = (
    seal("text in a picture", nothing, "notes.txt", "note: hidden: notes.txt, 280 bytes"),
    seal("text in a film", nothing, "notes.txt", "note: hidden: notes.txt, 280 bytes", "cover.mkv"),
    seal("empty file", written("empty", b""), "empty", "note: hidden: empty, 0 bytes"),
    seal("file too large", written("big", bytes(9999)), "big", "error: big: has 9999 bytes, and there is room for "),
    seal("film in a picture", nothing, "secret.mkv", "error: secret.mkv: has "),
    seal(
        "name with a line break and a mark", written("a\n\u202eb.txt", b"?"), "'a\n\u202eb.txt'", "hidden: a\\n\\u202eb"
    ),
    seal("name that is no UTF-8 text", written("a\udce4.txt", b"text"), "'a\udce4.txt'", "note: hidden: a\\udce4.txt"),
    seal("name of 255 bytes", written("ü" * 127 + "x", b"text"), "ü" * 127 + "x", "note: hidden: ü"),
    seal("the key", nothing, "k", "note: hidden: k, 32 bytes"),
    seal("folder", folder("d"), "d", "error: d: is a folder"),
    seal("/dev/zero", nothing, "/dev/zero", "error: /dev/zero: not a file"),
    seal("cover too small for a word", saved("a.png", size=(18, 18)), "k", "error: the cover is too small", "a.png"),
    seal("text, --compress", nothing, "notes.txt", "note: hidden: notes.txt, 280 bytes, byte for byte"),
    seal("picture, --compress", saved("a.bmp"), "a.bmp", "a.bmp was compressed", back=(97, 61)),
    seal("picture, --compress, full disk", saved("a.bmp"), "a.bmp", "error: ", most=300),
    seal(
        "film, --compress, full disk",
        filmed("a.mkv", frames=25),
        "a.mkv",
        "error: a.mkv: can't be made HEVC",
        "cover.mkv",
        most=3000,
    ),
    seal(
        "film, --compress",
        filmed("a.mkv", frames=25, sound="aac"),
        "a.mkv",
        "a.mkv was compressed",
        "cover.mkv",
        back=(96, 64, 25),
    ),
    reveal("in a picture", nothing, name="sealed.png"),
    reveal("in a film", nothing, name="sealed.mkv"),
    reveal("picture with one sample changed", ALTERED, "warning: the picture was altered", "a.png"),
    reveal("picture saved as JPEG", opened(same, "a.jpg", "sealed.png", quality=100), NOTHING_OPENS, "a.jpg"),
    reveal("film without its frame 1", order("0 -1 2 3 4 5", "sealed.mkv"), "warning: frame 1 was lost"),
    reveal("film with frames 1 and 2 exchanged", EXCHANGED, "warning: frame 2 was moved to another place"),
    reveal("film without a single frame of its own", by_ffmpeg("-i cover.mkv -c copy a.mkv"), NOTHING_OPENS),
    info("plain picture", "cover.png", "hidden: not looked for without the key"),
    info("plain film", "cover.mkv", "hidden: not looked for without the key"),
    info("container, without a key", "hidden.png", "hidden: not looked for without the key"),
    info("hidden picture", "hidden.png --key-file k", "hidden: a picture, "),
    info("hidden film", "hidden.mkv --key-file k", "hidden: a film, "),
    info("hidden file", "sealed.mkv --key-file k", "hidden: notes.txt, "),
    info(
        "hidden film without its frame 1",
        "a.mkv --key-file k",
        "altered: yes: frame 1 was lost",
        order("0 -1 2 3 4 5"),
        3,
    ),
    info("one frame of a hidden film", "a.png --key-file k", "hidden: a film, ", ONE_FRAME),
    info("film made of one hidden picture", "a.mkv --key-file k", "hidden: a picture, ", OF_ONE_PICTURE, 3),
    info("plain picture, with a key", "cover.png --key-file k", NOTHING_OPENS),
    info("as JSON", "hidden.png --key-file k --json", '{"kind": "picture"'),
    info("picture too small for anything", "a.png", "fits: nothing: it is too small", saved("a.png", size=(1, 1))),
    info("sound alone", "a.mp3", "error: a.mp3: has sound but no pictures", by_ffmpeg("-f lavfi -i sine=d=0.2 a.mp3")),
    info("text", "notes.txt", "error: notes.txt: neither a picture nor a film"),
)
