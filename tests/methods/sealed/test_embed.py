"""The method sealed: every byte comes back, from part of a film too; what is altered is told; nothing repeats."""

import io
import random
import re
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.files import file_info
from stegnet.keys import Key, KeyRing, Passphrase
from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png
from stegnet.methods import DEFAULT_RUN, Run
from stegnet.methods.network import hide_film, hide_picture, run_of
from stegnet.methods.sealed import SealedOptions, bytes_room, embed_file, extract_file, hide_bytes, reveal_bytes
from stegnet.record import File, Header, Record, format_record, read_record
from stegnet.results import OutputTarget, Report
from tests.format import by_the_book, seal_by_the_book
from tests.format.by_the_book import NONCE, SECRET
from tests.support.tampering import altered, unreadable

HEIGHT, WIDTH, FRAMES = 48, 64, 5
# What a picture of this size holds, and what a film's frame does: that of the format, less the record's fields.
SAMPLES = HEIGHT * WIDTH * 3
FIELDS = 16 + 32 + 1 + 4 + 4 + (8 + 32 + 4 + len("secret.bin")) + 8
SHARE = seal_by_the_book.largest_record(SAMPLES // 31 * 30 // 32 * 32 - 528) - FIELDS
FILM_SHARE = SHARE + 8 - 2  # the number of shares that are needed takes the offset's place
DEFAULT, COMPRESS, UNVERIFIED = SealedOptions(), SealedOptions(compress=True), SealedOptions(verify=False)


def seeded(seed: int) -> Run:
    return Run(randomness=random.Random(seed).randbytes)


@pytest.fixture
def cover(tmp_path: Path, picture: Callable[..., np.ndarray]) -> Path:
    write_png(tmp_path / "cover.png", picture(HEIGHT, WIDTH, 1))
    return tmp_path / "cover.png"


@pytest.fixture
def film(tmp_path: Path, make_film: Callable[..., Path]) -> Path:
    return make_film(tmp_path / "cover.mkv", FRAMES, HEIGHT, WIDTH, sound="aac")


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[int], Path]:
    """Makes a file of random bytes."""

    def make(size: int) -> Path:
        (tmp_path / "secret.bin").write_bytes(random.Random(size).randbytes(size))
        return tmp_path / "secret.bin"

    return make


@pytest.fixture
def embed(tmp_path: Path, key: Key) -> Callable[..., Report]:
    """Hides a file in a container of this name."""

    def run(cover: Path, file: Path, name: str, options: SealedOptions = DEFAULT, run: Run = DEFAULT_RUN) -> Report:
        return embed_file(cover, file, OutputTarget(tmp_path / name, force=True), key, options, run)

    return run


@pytest.fixture
def extract(tmp_path: Path, key: Key) -> Callable[..., tuple[bytes, Report]]:
    """What a container gives back, and the report; a failure leaves no file."""

    def run(container: Path, source=key, **how: object) -> tuple[bytes, Report]:
        out = tmp_path / "back.bin"
        out.unlink(missing_ok=True)
        try:
            report = extract_file(container, OutputTarget(out), source, **how)
        finally:
            data = out.read_bytes() if out.exists() else None
        return data, report

    return run


@pytest.fixture
def embedded(tmp_path: Path, film: Path, secret: Callable[[int], Path], embed) -> Path:
    """A film that holds 1,000 bytes, 334 in each frame: three of its five give them back."""
    embed(film, secret(1000), "embedded.mkv")
    return tmp_path / "embedded.mkv"


def rewritten(container: Path, frames: Iterable[np.ndarray]) -> Path:
    """A film of other frames."""
    out, info = container.with_name("rewritten.mkv"), scan(container)
    with FilmWriter(out, info.width, info.height, info.rate, form="mkv", time_base=info.time_base) as film:
        for index, frame in enumerate(frames):
            film.write(frame, index / info.rate)
    return out


def mean_square(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.square(one.astype(float) - other).mean())


def noisy(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


# There and back


def test_a_picture_gives_back_every_byte(tmp_path, cover, secret, embed, extract, key):
    """As bytes do that are hidden in an array."""
    for size in (0, 1, 2, SHARE - 1, SHARE):
        file = secret(size)
        hidden = embed(cover, file, "a.png", run=seeded(5))
        data, revealed = extract(tmp_path / "a.png")
        assert data == file.read_bytes()
        assert (hidden.width, hidden.height, hidden.frames, hidden.hidden) == (WIDTH, HEIGHT, 1, min(size, 1))
        line = f"hidden: secret.bin, {size} bytes"
        assert (hidden.notes[0], revealed.notes, revealed.trouble) == (f"{line}, byte for byte", (line,), ())
        pixels = read_picture(cover)
        container = hide_bytes(pixels, data, key, name=file.name, randomness=random.Random(5).randbytes)
        assert np.array_equal(container, read_picture(tmp_path / "a.png"))
        assert np.array_equal(pixels, read_picture(cover))
        assert reveal_bytes(container, key) == data


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_film_gives_back_every_byte(tmp_path, film, secret, embed, extract, suffix):
    for size in (0, 1, FRAMES + 1, 1000, FRAMES * FILM_SHARE):
        hidden = embed(film, secret(size), f"a{suffix}")
        data, revealed = extract(tmp_path / f"a{suffix}")
        assert data == (tmp_path / "secret.bin").read_bytes()
        assert (hidden.frames, hidden.hidden, revealed.trouble) == (FRAMES, FRAMES if size else 0, ())


def test_bytes_that_are_refused(picture, exact, key):
    pixels = picture(HEIGHT, WIDTH)
    assert bytes_room(HEIGHT, WIDTH, "secret.bin") == SHARE
    with pytest.raises(CapacityError, match=f"has {SHARE + 1} bytes, and there is room for {SHARE}$"):
        hide_bytes(pixels, bytes(SHARE + 1), key, name="secret.bin")
    for name in ("", ".", "..", "a/b", "x\0y", "n" * 256):
        with pytest.raises(ValueError, match=r"^name: must be a file's name without its folder"):
            hide_bytes(pixels, b"bytes", key, name=name)
    with pytest.raises(RevealError, match="not a file"):
        reveal_bytes(hide_picture(exact, picture(64, 96), picture(64, 96, 1), key), key)


def test_keys(tmp_path, cover, film, secret, extract, quick_scrypt):
    """A passphrase opens what it hid; with another key, or where nothing is, nothing opens."""
    phrase = Passphrase("correct horse")
    for path, name in ((cover, "a.png"), (film, "a.mkv")):
        report = embed_file(path, secret(34), OutputTarget(tmp_path / name), phrase)
        assert extract(tmp_path / name, phrase)[0] == (tmp_path / "secret.bin").read_bytes()
        for container, other in ((tmp_path / name, Key(bytes(32))), (tmp_path / name, Passphrase("x")), (path, phrase)):
            with pytest.raises(RevealError, match="nothing can be revealed"):
                extract(container, other)
            assert not (tmp_path / "back.bin").exists()
    assert report.notes[1] == "comes back whole if up to 4 of its 5 frames are lost or altered, but not the first"


# What is seen


def test_a_full_container_is_as_near_its_cover_as_can_be(tmp_path, cover, film, secret, embed):
    """Two samples of three change by one, which is 49.9 dB; of lead and MAC, at most half."""
    embed(cover, secret(SHARE), "full.png")
    embed(film, secret(FRAMES * FILM_SHARE), "full.mkv")
    pairs = [(read_picture(cover), read_picture(tmp_path / "full.png"))]
    pairs += zip(read_frames(film), read_frames(tmp_path / "full.mkv"), strict=True)
    for before, after in pairs:
        assert abs(before.astype(int) - after).max() == 1
        # By chance of the keys, its standard deviation is 0.005.
        assert mean_square(before, after) == pytest.approx(2 / 3 - 0.013, abs=0.03)


def sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(audio=0)]


def test_the_file_is_spread_evenly(film, embedded):
    """Frame by frame as many samples change, far fewer than bits are hidden: two each, and those of lead and MAC.

    The cover's sound and times are kept.
    """
    changes = [(a != b).sum() for a, b in zip(read_frames(film), read_frames(embedded), strict=True)]
    assert changes == pytest.approx([np.mean(changes)] * FRAMES, rel=0.15)
    assert max(changes) < 8 * (334 + FIELDS + 16) / 4 + 264
    assert list(scan(film).times) == list(scan(embedded).times)
    assert sound(film) == sound(embedded)


def test_nothing_random_serves_twice(tmp_path, cover, film, secret, embed, key):
    """A nonce that serves two frames breaks AES-GCM. The film id is new for each run, the salt for each frame."""
    runs: list[list[np.ndarray]] = []
    for number in range(2):
        embed(cover, secret(100), f"{number}.png")
        embed(film, secret(100), f"{number}.mkv")
        runs += [[read_picture(tmp_path / f"{number}.png")], list(read_frames(tmp_path / f"{number}.mkv"))]
    nonces = [by_the_book.read_lead(frame, SECRET)[0][:12] for frames in runs for frame in frames]
    assert len(set(nonces)) == len(nonces) == 2 * (1 + FRAMES)
    assert len({read_record(frames[0], KeyRing(key), first=True).record.header.film_id for frames in runs}) == 4
    assert len({by_the_book.frame_salt(frame) for frames in runs for frame in frames}) == len(nonces)
    for name in ("a.mkv", "b.mkv"):  # but with the same randomness
        embed(film, secret(500), name, run=seeded(4))
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


# Progress and failures


def test_steps_are_shown(tmp_path, cover, film, embedded, secret, embed, extract, picture):
    """From the first on, and whether or not they can be counted."""
    Image.fromarray(picture(90, 120, 5)).save(tmp_path / "large.png")
    seen = []
    run = Run(progress=lambda phase, done, total: seen.append((phase, phase.step, phase.steps)))
    for file in (secret(9), tmp_path / "large.png"):
        embed(cover, file, "a.png", COMPRESS, run)
    expected = [("hide", 1, 2), ("write", 2, 2), ("compress", 1, 3), ("hide", 2, 3), ("write", 3, 3)]
    assert list(dict.fromkeys(seen)) == expected
    calls = []
    run = Run(progress=lambda *step: calls.append(step))
    embed(film, secret(9), "a.mkv", run=run)
    assert calls == [(doing, done, FRAMES) for doing in ("hide", "verify") for done in range(1, FRAMES + 1)]
    calls.clear()
    extract(embedded, run=run)
    assert calls[0] == ("open", 0, 0)
    assert [step for step in calls if step[0] != "open"] == [("reveal", done, FRAMES) for done in range(1, FRAMES + 1)]


def test_a_picture_that_does_not_read_back_is_not_kept(tmp_path, cover, secret, embed, monkeypatch):
    monkeypatch.setattr("stegnet.results.output.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    with pytest.raises(MediaError, match=r"a\.png: does not read back"):
        embed(cover, secret(9), "a.png")
    assert not (tmp_path / "a.png").exists()
    embed(cover, secret(9), "a.png", UNVERIFIED)


def test_a_byte_too_many_is_refused(tmp_path, cover, film, secret, embed, extract, picture):
    """The cover that the hint names would do."""
    with pytest.raises(CapacityError, match=f"has {SHARE + 1} bytes, and there is room for {SHARE}$"):
        embed(cover, secret(SHARE + 1), "a.png")
    with pytest.raises(CapacityError, match=f"room for {FRAMES * FILM_SHARE}$") as caught:
        embed(film, secret(FRAMES * FILM_SHARE + 1), "a.mkv")
    assert caught.value.hint == f"a cover of {FRAMES + 1} such frames would do"
    assert not (tmp_path / "a.png").exists() and not (tmp_path / "a.mkv").exists()
    with pytest.raises(CapacityError) as caught:
        embed(cover, secret(5000), "a.png")
    width, height = map(int, re.search(r"of (\d+)×(\d+) pixels", caught.value.hint).groups())
    assert width * height < 1.1 * HEIGHT * WIDTH * 5000 / SHARE
    write_png(cover, picture(height, width))
    embed(cover, secret(5000), "a.png")
    write_png(cover, picture(18, 18))
    with pytest.raises(CapacityError, match="the cover is too small: 18×18 pixels"):
        embed(cover, secret(0), "b.png")


def test_a_cover_for_which_there_is_not_enough_memory(tmp_path, cover, secret, embed, monkeypatch):
    """It is refused by its size, before it is read."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr("stegnet.methods.sealed.embed.read_cover", lambda path: pytest.fail("was read"))
    with pytest.raises(MediaError, match=r"takes 0\.0 GB of memory") as caught:
        embed(cover, secret(10), "c.png")
    assert "0.0 GB are free" in caught.value.hint
    assert not (tmp_path / "c.png").exists()


@pytest.mark.slow
def test_memory_for_a_small_secret_in_a_large_cover(key):
    """In bytes for each sample, cover and container included; it was 25 once."""
    cover = np.random.default_rng(0).integers(0, 256, (1000, 1500, 3), np.uint8)
    tracemalloc.start()
    try:
        hide_bytes(cover, bytes(16), key)
        assert tracemalloc.get_traced_memory()[1] < 16 * cover.size
    finally:
        tracemalloc.stop()


def test_refused_files(tmp_path, cover, embedded, secret, embed, key):
    small = secret(1)
    for path, message in (
        (cover, "is an input too"),
        (tmp_path / "a.jpg", "is written as .png"),
        (tmp_path / "none" / "a.png", "folder"),
    ):
        with pytest.raises(MediaError, match=message):
            embed_file(cover, small, OutputTarget(path, force=True), key)
    for path, message in ((tmp_path, "is a folder"), (tmp_path / "none", "no such file")):
        with pytest.raises(MediaError, match=message):
            embed(cover, path, "a.png")
    with pytest.raises(MediaError, match="is an input too"):
        extract_file(embedded, OutputTarget(embedded, force=True), key)
    with pytest.raises(MediaError, match="exists already"):
        extract_file(embedded, OutputTarget(small), key)
    extract_file(embedded, OutputTarget(small, force=True), key)


def test_a_file_that_changes_meanwhile(tmp_path, film, secret, embed):
    """Between the reading of its digest and that of its bytes."""
    file, calls = secret(100), []

    def meddle(count: int) -> bytes:
        calls.append(count)
        if len(calls) == 1:
            file.write_bytes(bytes(100))
        return bytes(count)

    with pytest.raises(MediaError, match=r"secret.bin: was changed while it was being hidden"):
        embed(film, file, "a.mkv", run=Run(randomness=meddle))
    assert not (tmp_path / "a.mkv").exists()


# Damage


ALL = "every byte comes back"
DAMAGES = {
    # What is done to the frames f (o: those of another container), what is told of it, and whether the bytes are there.
    "moved": (lambda f, o: [f[0], f[2], f[3], f[1], f[4]], ("frame 1 was moved to another place",), ALL),
    "repeated": (lambda f, o: [f[0], *f[1:2], *f[1:]], ("frame 1 was repeated",), ALL),
    "altered": (lambda f, o: [altered(f[0]), *f[1:]], ("frame 0 was altered since it was hidden",), ALL),
    "unreadable": (
        lambda f, o: [unreadable(f[0]), f[1], unreadable(f[2]), *f[3:]],
        ("2 frames (0, 2) were altered beyond reading",),
        ALL,
    ),
    "lost": (lambda f, o: [f[1], f[3], f[4]], ("2 frames (0, 2) were lost",), ALL),
    "the last lost": (lambda f, o: f[:3], ("2 frames (3–4) were lost",), ALL),
    "disorder": (lambda f, o: [f[2], f[4], f[0]], None, ALL),
    "backwards": (lambda f, o: [f[4], f[3], f[2], f[1]], None, ALL),
    "another's": (lambda f, o: [*o[:2], *f], ("2 frames were put in that do not belong here",), ALL),
    "holes": (
        lambda f, o: [f[0], f[3]],
        None,
        r"the file needs 3 of its 5 frames, and 2 can be read; 3 frames \(1–2, 4\) were lost$",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told(tmp_path, film, embedded, secret, embed, extract, damage):
    """The bytes come back from any three frames, in any order."""
    edit, told, expected = DAMAGES[damage]
    wanted = (tmp_path / "secret.bin").read_bytes()
    embed(film, secret(300), "other.mkv")
    others = list(read_frames(tmp_path / "other.mkv"))
    container = rewritten(embedded, edit(list(read_frames(embedded)), others))
    if expected is not ALL:
        with pytest.raises(RevealError, match=expected):
            extract(container)
        assert not (tmp_path / "back.bin").exists()
        return
    data, report = extract(container)
    assert data == wanted
    assert report.trouble and told in (None, report.trouble)
    with pytest.raises(RevealError) as caught:
        extract(container, strict=True)
    assert all(line in str(caught.value) for line in report.trouble)
    assert "unless strict" in caught.value.hint
    assert not (tmp_path / "back.bin").exists()


def test_other_damage(tmp_path, cover, film, embedded, secret, embed, extract):
    data = embedded.read_bytes()
    embedded.write_bytes(data[: len(data) * 4 // 10])
    with pytest.raises(RevealError, match=r"needs 3 of its 5 frames, and \d can be read; .*frame.* lost"):
        extract(embedded)
    embed(cover, secret(50), "a.png")
    write_png(tmp_path / "a.png", altered(read_picture(tmp_path / "a.png")))
    assert extract(tmp_path / "a.png")[1].trouble == ("the picture was altered since it was hidden",)
    embed(film, secret(0), "a.mkv")
    data, report = extract(rewritten(film, list(read_frames(tmp_path / "a.mkv"))[1:]))
    assert (data, report.trouble) == (b"", ("frame 0 was lost",))


def test_how_many_frames_may_be_lost_is_said(tmp_path, film, secret, embed, key):
    for size, most in ((34, 4), (1000, 2), (4 * FILM_SHARE, 1), (FRAMES * FILM_SHARE, 0)):
        report = embed(film, secret(size), "a.mkv")
        some = f"whole if up to {most} of its 5 frames are lost or altered"
        assert report.notes[1] == f"comes back {some if most else 'only if none of its 5 frames is lost or altered'}"
        info = file_info(tmp_path / "a.mkv", key)
        assert (info["frames_that_may_be_lost"], info["frames_when_hidden"]) == (report.may_be_lost, FRAMES)
        assert report.may_be_lost == most


def test_a_film_of_an_earlier_writer_opens(film, extract, key):
    """Each frame holds some of the bytes, and none may be lost."""
    data, pieces = b"twelve bytes", []
    file = File("note.txt", len(data), by_the_book.hashlib.sha256(data).digest())
    for index, frame in enumerate(read_frames(film)):
        record = Record(Header(bytes(16), "file", FRAMES, file), index, 3 * index, data=data[3 * index : 3 * index + 3])
        pieces.append(by_the_book.write(frame, format_record(record, key), SECRET, bytes([index]) * 12))
    assert extract(rewritten(film, pieces))[0] == data
    with pytest.raises(RevealError, match=r"3 of the file's 12 bytes are missing; frame 1 was lost"):
        extract(rewritten(film, [pieces[0], *pieces[2:]]))


def test_records_that_lie(tmp_path, exact, make_film, picture, extract, key):
    """Only a holder of the key can make one. A film that a network hid is no file."""
    for file, message in (
        (File("a", 3, bytes(32)), "the file's bytes are not those that were hidden"),
        (File("a", 5, bytes(32)), "2 of the file's 5 bytes are missing"),
        (File("a", 1 << 62, bytes(32)), "nothing can be revealed"),
    ):
        record = format_record(Record(Header(bytes(16), "file", 1, file), 0, data=b"abc"), key)
        write_png(tmp_path / "a.png", by_the_book.write(picture(HEIGHT, WIDTH), record, SECRET, NONCE))
        with pytest.raises(RevealError, match=message):
            extract(tmp_path / "a.png")
        assert not (tmp_path / "back.bin").exists()
    films = [make_film(tmp_path / f"{name}.mkv", 2, 64, 96) for name in ("cover", "secret")]
    hide_film(*films, OutputTarget(tmp_path / "a.mkv"), key, run=run_of(exact))
    with pytest.raises(RevealError, match="not a file"):
        extract(tmp_path / "a.mkv")


def test_a_name_can_do_nothing(tmp_path, cover, secret, embed, extract):
    name = "..\x1b[2J\u202egpj\n\udcff.bin"
    hidden = embed(cover, secret(3).rename(tmp_path / name), "a.png")
    shown = r"hidden: ..\x1b[2J\u202egpj\n\udcff.bin, 3 bytes"
    assert hidden.notes[0].startswith(shown) and extract(tmp_path / "a.png")[1].notes[0].startswith(shown)
    assert {path.name for path in tmp_path.iterdir()} == {name, "cover.png", "a.png", "back.bin"}


# Compressed to fit


def test_a_picture_is_compressed_to_fit(tmp_path, picture, embed, extract):
    """A long name keeps its suffix."""
    cover, photo = tmp_path / "cover.png", tmp_path / ("ä" * 125 + ".png")
    write_png(cover, noisy(64, 96))
    write_png(photo, picture(64, 96, 3))
    with pytest.raises(CapacityError) as caught:
        embed(cover, photo, "a.png")
    assert caught.value.hint.endswith(", or the method auto, which compresses it")
    report, size = embed(cover, photo, "a.png", COMPRESS), photo.stat().st_size
    line = rf"ä+.png was compressed from {size} bytes: AVIF 4:4:4, [\d.]+ dB"
    assert re.fullmatch(line, report.notes[1])
    data, revealed = extract(tmp_path / "a.png")
    assert report.notes[0] == revealed.notes[0] and f"hidden: {'ä' * 125}.avif," in report.notes[0]
    assert mean_square(np.array(Image.open(io.BytesIO(data))), picture(64, 96, 3)) < 60


def test_a_film_is_compressed_to_fit(tmp_path, make_film, embed, key):
    cover = make_film(tmp_path / "cover.mkv", 14, 40, 48)
    secret = make_film(tmp_path / "film.mp4", 8, 64, 96, seed=9, codec="libx264rgb", pix_fmt="rgb24", sound="aac")
    report = embed(cover, secret, "a.mkv", COMPRESS)
    extract_file(tmp_path / "a.mkv", OutputTarget(tmp_path / "out.mkv"), key)
    assert "hidden: film.mkv," in report.notes[0]
    assert "film.mp4 was compressed from" in report.notes[1] and "HEVC 4:4:4" in report.notes[1]
    out = scan(tmp_path / "out.mkv")
    assert (out.width, out.height, len(out.pts), len(out.sound)) == (96, 64, 8, 1)


def test_files_that_are_not_compressed(tmp_path, cover, film, secret, picture, embed, extract):
    """Those that fit, and those of other kinds."""
    Image.fromarray(picture(16, 16)).save(tmp_path / "small.jpg")
    for file in (tmp_path / "small.jpg", secret(9)):
        report = embed(film, file, "a.mkv", COMPRESS)
        assert report.unchanged and report.notes[0].endswith(" bytes, byte for byte")
        assert extract(tmp_path / "a.mkv")[0] == file.read_bytes()
    with pytest.raises(CapacityError, match="there is room for"):
        embed(cover, secret(SHARE + 1), "b.png", COMPRESS)
