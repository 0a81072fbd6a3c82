"""The method sealed: every byte comes back, from part of a film too; what is altered is told; nothing repeats."""

import io
import random
import re
import tracemalloc
from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, MediaError, RevealError
from stegnet.core import kernels
from stegnet.files import file_info
from stegnet.keys import Key, KeyRing, Passphrase
from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png
from stegnet.methods import DEFAULT_RUN, Run
from stegnet.methods.network import hide_film, hide_picture, run_of
from stegnet.methods.sealed import SealedOptions, bytes_room, embed_file, extract_file, hide_bytes, reveal_bytes
from stegnet.record import File, Header, Record, format_record, read_record
from stegnet.results import OutputTarget, Report
from stegnet.sealing import frame_salt
from tests.support.films import make_film, picture
from tests.support.sealing import lead_of, sealed
from tests.support.tampering import altered, unreadable

HEIGHT, WIDTH, FRAMES = 48, 64, 5
# What a picture of this size holds, and what a film's frame does: that of the format, less the record's fields.
ZONE = HEIGHT * WIDTH * 3 // 31 * 30 // 32 * 32 - 528  # samples of the record
FIELDS = 16 + 32 + 1 + 4 + 4 + (8 + 32 + 4 + len("secret.bin")) + 8
SHARE = (ZONE - ZONE // 128) // 12 * 19 // 8 - 16 - FIELDS
FILM_SHARE = SHARE + 8 - 2  # the number of shares that are needed takes the offset's place
DEFAULT, COMPRESS, UNVERIFIED = SealedOptions(), SealedOptions(compress=True), SealedOptions(verify=False)


def seeded(seed: int) -> Run:
    return Run(randomness=random.Random(seed).randbytes)


class Files:
    """A cover, a film and secrets in a folder, and what is made of them."""

    def __init__(self, folder: Path, key: Key) -> None:
        self.folder, self.key, self.cover = folder, key, folder / "cover.png"
        write_png(self.cover, picture(HEIGHT, WIDTH, 1))

    @cached_property
    def film(self) -> Path:
        return make_film(self.folder / "cover.mkv", FRAMES, HEIGHT, WIDTH, sound="aac")

    @cached_property
    def embedded(self) -> Path:
        """A film that holds 1,000 bytes, 334 in each frame: three of its five give them back."""
        self.embed(self.film, self.secret(1000), "embedded.mkv")
        return self.folder / "embedded.mkv"

    def secret(self, size: int) -> Path:
        """A file of random bytes."""
        (self.folder / "secret.bin").write_bytes(random.Random(size).randbytes(size))
        return self.folder / "secret.bin"

    def embed(self, cover: Path, file: Path, name: str, options=DEFAULT, run: Run = DEFAULT_RUN) -> Report:
        """Hides a file in a container of this name."""
        return embed_file(cover, file, OutputTarget(self.folder / name, force=True), self.key, options, run)

    def extract(self, container: Path | str, source=None, **how: object) -> tuple[bytes, Report]:
        """The content of a container, and the report; a failure leaves no file."""
        out = self.folder / "back.bin"
        out.unlink(missing_ok=True)
        try:
            report = extract_file(self.folder / container, OutputTarget(out), source or self.key, **how)
        except RevealError:
            assert not out.exists()
            raise
        return out.read_bytes(), report


@pytest.fixture
def at(tmp_path: Path, key: Key) -> Files:
    return Files(tmp_path, key)


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


def test_a_picture_gives_back_every_byte(at, key):
    """As bytes do that are hidden in an array."""
    for size in (0, 1, 2, SHARE - 1, SHARE):
        file = at.secret(size)
        hidden = at.embed(at.cover, file, "a.png", run=seeded(5))
        data, revealed = at.extract("a.png")
        assert data == file.read_bytes()
        assert (hidden.width, hidden.height, hidden.frames, hidden.hidden) == (WIDTH, HEIGHT, 1, min(size, 1))
        line = f"hidden: secret.bin, {size} bytes"
        assert (hidden.notes[0], revealed.notes, revealed.trouble) == (f"{line}, byte for byte", (line,), ())
        pixels = read_picture(at.cover)
        container = hide_bytes(pixels, data, key, name=file.name, randomness=random.Random(5).randbytes)
        assert np.array_equal(container, read_picture(at.folder / "a.png"))
        assert np.array_equal(pixels, read_picture(at.cover))
        assert reveal_bytes(container, key) == data


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_film_gives_back_every_byte(at, suffix):
    for size in (0, 1, FRAMES + 1, 1000, FRAMES * FILM_SHARE):
        hidden = at.embed(at.film, at.secret(size), f"a{suffix}")
        data, revealed = at.extract(f"a{suffix}")
        assert data == (at.folder / "secret.bin").read_bytes()
        assert (hidden.frames, hidden.hidden, revealed.trouble) == (FRAMES, FRAMES if size else 0, ())


def test_bytes_that_are_refused(picture, exact, key):
    pixels = picture(HEIGHT, WIDTH)
    assert bytes_room(HEIGHT, WIDTH, "secret.bin") == SHARE
    for name in ("", ".", "..", "a/b", "x\0y", "n" * 256):
        with pytest.raises(ValueError, match=r"^name: must be a file's name without its folder"):
            hide_bytes(pixels, b"bytes", key, name=name)
    with pytest.raises(RevealError, match="not a file"):
        reveal_bytes(hide_picture(exact, picture(64, 96), picture(64, 96, 1), key), key)


def test_keys(at, quick_scrypt):
    """A passphrase opens what it hid; with another key, or where nothing is, nothing opens."""
    phrase = Passphrase("correct horse")
    for path, name in ((at.cover, "a.png"), (at.film, "a.mkv")):
        report = embed_file(path, at.secret(34), OutputTarget(at.folder / name), phrase)
        assert at.extract(name, phrase)[0] == (at.folder / "secret.bin").read_bytes()
        for container, other in ((name, Key(bytes(32))), (name, Passphrase("x")), (path, phrase)):
            with pytest.raises(RevealError, match="nothing can be revealed"):
                at.extract(container, other)
    assert report.notes[1] == "comes back whole if up to 4 of its 5 frames are lost or altered, but not the first"


def test_nothing_random_serves_twice(at, key):
    """A nonce that serves two frames breaks AES-GCM. The film id is new for each run, the salt for each frame."""
    runs: list[list[np.ndarray]] = []
    for number in range(2):
        at.embed(at.cover, at.secret(100), f"{number}.png")
        at.embed(at.film, at.secret(100), f"{number}.mkv")
        runs += [[read_picture(at.folder / f"{number}.png")], list(read_frames(at.folder / f"{number}.mkv"))]
    nonces = [lead_of(frame)[:12] for frames in runs for frame in frames]
    assert len(set(nonces)) == len(nonces) == 2 * (1 + FRAMES)
    assert len({read_record(frames[0], KeyRing(key), first=True).record.header.film_id for frames in runs}) == 4
    assert len({frame_salt(frame) for frames in runs for frame in frames}) == len(nonces)
    for name in ("a.mkv", "b.mkv"):  # but with the same randomness
        at.embed(at.film, at.secret(500), name, run=seeded(4))
    assert (at.folder / "a.mkv").read_bytes() == (at.folder / "b.mkv").read_bytes()


def test_steps_are_shown(at, picture):
    """From the first on, and whether or not they can be counted."""
    Image.fromarray(picture(90, 120, 5)).save(at.folder / "large.png")
    seen = []
    run = Run(progress=lambda phase, done, total: seen.append((phase, phase.step, phase.steps)))
    for file in (at.secret(9), at.folder / "large.png"):
        at.embed(at.cover, file, "a.png", COMPRESS, run)
    expected = [("hide", 1, 2), ("write", 2, 2), ("compress", 1, 3), ("hide", 2, 3), ("write", 3, 3)]
    assert list(dict.fromkeys(seen)) == expected
    calls = []
    run = Run(progress=lambda *step: calls.append(step))
    at.embed(at.film, at.secret(9), "a.mkv", run=run)
    at.extract("a.mkv", run=run)
    doings = [step for step in calls if step[0] != "open"]
    assert doings == [(doing, n, FRAMES) for doing in ("hide", "verify", "reveal") for n in range(1, FRAMES + 1)]
    assert ("open", 0, 0) in calls


def test_a_picture_that_does_not_read_back_is_not_kept(at, monkeypatch):
    monkeypatch.setattr("stegnet.results.output.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    with pytest.raises(MediaError, match=r"a\.png: does not read back"):
        at.embed(at.cover, at.secret(9), "a.png")
    assert not (at.folder / "a.png").exists()
    at.embed(at.cover, at.secret(9), "a.png", UNVERIFIED)


def test_a_byte_too_many_is_refused(at, picture):
    """The cover that the hint names would do."""
    with pytest.raises(CapacityError, match=f"has {SHARE + 1} bytes, and there is room for {SHARE}$"):
        at.embed(at.cover, at.secret(SHARE + 1), "a.png")
    with pytest.raises(CapacityError, match=rf"room for {FRAMES * FILM_SHARE}$") as caught:
        at.embed(at.film, at.secret(FRAMES * FILM_SHARE + 1), "a.mkv")
    assert caught.value.hint == f"a cover of {FRAMES + 1} such frames would do"
    assert not (at.folder / "a.png").exists() and not (at.folder / "a.mkv").exists()
    with pytest.raises(CapacityError) as caught:
        at.embed(at.cover, at.secret(5000), "a.png")
    width, height = map(int, re.search(r"of (\d+)×(\d+) pixels", caught.value.hint).groups())
    assert width * height < 1.1 * HEIGHT * WIDTH * 5000 / SHARE
    write_png(at.cover, picture(height, width))
    at.embed(at.cover, at.secret(5000), "a.png")
    write_png(at.cover, picture(18, 18))
    with pytest.raises(CapacityError, match="the cover is too small: 18×18 pixels"):
        at.embed(at.cover, at.secret(0), "b.png")


def test_a_cover_for_which_there_is_not_enough_memory(at, monkeypatch):
    """It is refused by its size, before it is read."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr("stegnet.methods.sealed.cover.read_resized", lambda *_: pytest.fail("was read"))
    with pytest.raises(MediaError, match=r"takes 0\.0 GB of memory") as caught:
        at.embed(at.cover, at.secret(10), "c.png")
    assert "0.0 GB are free" in caught.value.hint
    assert not (at.folder / "c.png").exists()


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


def test_refused_files(at, key):
    small, none = at.secret(1), at.folder / "none"
    for secret, name, message in (
        (small, "cover.png", "is an input too"),
        (small, "a.jpg", "is written as .png"),
        (small, "none/a.png", "folder"),
        (at.folder, "a.png", "is a folder"),
        (none, "a.png", "no such file"),
    ):
        with pytest.raises(MediaError, match=message):
            at.embed(at.cover, secret, name)
    with pytest.raises(MediaError, match="is an input too"):
        extract_file(at.embedded, OutputTarget(at.embedded, force=True), key)
    with pytest.raises(MediaError, match="exists already"):
        extract_file(at.embedded, OutputTarget(small), key)
    extract_file(at.embedded, OutputTarget(small, force=True), key)


def test_a_file_that_changes_meanwhile(at):
    """Between the reading of its digest and that of its bytes."""
    file, calls = at.secret(100), []

    def meddle(count: int) -> bytes:
        calls.append(count)
        if len(calls) == 1:
            file.write_bytes(bytes(100))
        return bytes(count)

    with pytest.raises(MediaError, match=r"secret.bin: was changed while it was being hidden"):
        at.embed(at.film, file, "a.mkv", run=Run(randomness=meddle))
    assert not (at.folder / "a.mkv").exists()


ALL = "every byte comes back"
DAMAGES = {
    # What is done to the frames f (o: those of another container), what is told of it, and whether the bytes are there.
    "moved": (lambda f, o: [f[0], f[2], f[3], f[1], f[4]], ("frame 1 was moved to another place",), ALL),
    "altered": (lambda f, o: [altered(f[0]), *f[1:]], ("frame 0 was altered since it was hidden",), ALL),
    "unreadable": (
        lambda f, o: [unreadable(f[0]), f[1], unreadable(f[2]), *f[3:]],
        ("2 frames (0, 2) were altered beyond reading",),
        ALL,
    ),
    "the last lost": (lambda f, o: f[:3], ("2 frames (3–4) were lost",), ALL),
    "disorder": (lambda f, o: [f[2], f[4], f[0]], None, ALL),
    "another's": (lambda f, o: [*o[:2], *f], ("2 frames were put in that do not belong here",), ALL),
    "holes": (
        lambda f, o: [f[0], f[3]],
        None,
        r"the file needs 3 of its 5 frames, and 2 can be read; 3 frames \(1–2, 4\) were lost$",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told(at, damage):
    """The bytes come back from any three frames, in any order."""
    edit, told, expected = DAMAGES[damage]
    whole, wanted = list(read_frames(at.embedded)), at.secret(1000).read_bytes()
    at.embed(at.film, at.secret(300), "other.mkv")
    others = list(read_frames(at.folder / "other.mkv"))
    container = rewritten(at.embedded, edit(whole, others))
    if expected is not ALL:
        with pytest.raises(RevealError, match=expected):
            at.extract(container)
        return
    data, report = at.extract(container)
    assert data == wanted
    assert report.trouble and told in (None, report.trouble)
    with pytest.raises(RevealError) as caught:
        at.extract(container, strict=True)
    assert all(line in str(caught.value) for line in report.trouble)
    assert "unless strict" in caught.value.hint


def test_other_damage(at):
    data = at.embedded.read_bytes()
    at.embedded.write_bytes(data[: len(data) * 4 // 10])
    with pytest.raises(RevealError, match=r"needs 3 of its 5 frames, and \d can be read; .*frame.* lost"):
        at.extract(at.embedded)
    at.embed(at.cover, at.secret(50), "a.png")
    write_png(at.folder / "a.png", altered(read_picture(at.folder / "a.png")))
    assert at.extract("a.png")[1].trouble == ("the picture was altered since it was hidden",)
    at.embed(at.film, at.secret(0), "a.mkv")
    data, report = at.extract(rewritten(at.film, list(read_frames(at.folder / "a.mkv"))[1:]))
    assert (data, report.trouble) == (b"", ("frame 0 was lost",))


def test_how_many_frames_may_be_lost_is_said(at, key):
    for size, most in ((34, 4), (1000, 2), (4 * FILM_SHARE, 1), (FRAMES * FILM_SHARE, 0)):
        report = at.embed(at.film, at.secret(size), "a.mkv")
        some = f"whole if up to {most} of its 5 frames are lost or altered"
        assert report.notes[1] == f"comes back {some if most else 'only if none of its 5 frames is lost or altered'}"
        info = file_info(at.folder / "a.mkv", key)
        assert (info["frames_that_may_be_lost"], info["frames_when_hidden"]) == (report.may_be_lost, FRAMES)
        assert report.may_be_lost == most


def test_a_film_of_an_earlier_writer_opens(at, key):
    """Each frame holds some of the bytes, and none may be lost."""
    data, pieces = b"twelve bytes", []
    file = File("note.txt", len(data), sha256(data).digest())
    for index, frame in enumerate(read_frames(at.film)):
        record = Record(Header(bytes(16), "file", FRAMES, file), index, 3 * index, data=data[3 * index : 3 * index + 3])
        pieces.append(sealed(frame, format_record(record, key), index))
    assert at.extract(rewritten(at.film, pieces))[0] == data
    with pytest.raises(RevealError, match=r"3 of the file's 12 bytes are missing; frame 1 was lost"):
        at.extract(rewritten(at.film, [pieces[0], *pieces[2:]]))


def test_records_that_lie(at, exact, make_film, picture, key):
    """Only a holder of the key can make one. A film that a network hid is no file."""
    for file, message in (
        (File("a", 3, bytes(32)), "the file's bytes are not those that were hidden"),
        (File("a", 5, bytes(32)), "2 of the file's 5 bytes are missing"),
        (File("a", 1 << 62, bytes(32)), "nothing can be revealed"),
    ):
        record = format_record(Record(Header(bytes(16), "file", 1, file), 0, data=b"abc"), key)
        write_png(at.folder / "a.png", sealed(picture(HEIGHT, WIDTH), record))
        with pytest.raises(RevealError, match=message):
            at.extract("a.png")
    films = [make_film(at.folder / f"{name}.mkv", 2, 64, 96) for name in ("cover", "secret")]
    hide_film(*films, OutputTarget(at.folder / "a.mkv"), key, run=run_of(exact))
    with pytest.raises(RevealError, match="not a file"):
        at.extract("a.mkv")


def test_a_name_can_do_nothing(at):
    name = "..\x1b[2J\u202egpj\n\udcff.bin"
    hidden = at.embed(at.cover, at.secret(3).rename(at.folder / name), "a.png")
    shown = r"hidden: ..\x1b[2J\u202egpj\n\udcff.bin, 3 bytes"
    assert hidden.notes[0].startswith(shown) and at.extract("a.png")[1].notes[0].startswith(shown)
    assert {path.name for path in at.folder.iterdir()} == {name, "cover.png", "a.png", "back.bin"}


def test_a_picture_is_compressed_to_fit(at, picture):
    """A long name keeps its suffix."""
    cover, photo = at.folder / "cover.png", at.folder / ("ä" * 125 + ".png")
    write_png(cover, noisy(64, 96))
    write_png(photo, picture(64, 96, 3))
    with pytest.raises(CapacityError) as caught:
        at.embed(cover, photo, "a.png")
    assert caught.value.hint.endswith(", or the method auto, which compresses it")
    report, size = at.embed(cover, photo, "a.png", COMPRESS), photo.stat().st_size
    line = rf"ä+.png was compressed from {size} bytes: AVIF 4:4:4, [\d.]+ dB"
    assert re.fullmatch(line, report.notes[1])
    data, revealed = at.extract("a.png")
    assert report.notes[0] == revealed.notes[0] and f"hidden: {'ä' * 125}.avif," in report.notes[0]
    assert mean_square(np.array(Image.open(io.BytesIO(data))), picture(64, 96, 3)) < 60


def test_files_that_are_not_compressed(at, picture):
    """Those that fit, and those of other kinds."""
    Image.fromarray(picture(16, 16)).save(at.folder / "small.jpg")
    for file in (at.folder / "small.jpg", at.secret(9)):
        report = at.embed(at.film, file, "a.mkv", COMPRESS)
        assert report.unchanged and report.notes[0].endswith(" bytes, byte for byte")
        assert at.extract("a.mkv")[0] == file.read_bytes()
    with pytest.raises(CapacityError, match="there is room for"):
        at.embed(at.cover, at.secret(SHARE + 1), "b.png", COMPRESS)


def test_a_long_film_without_compiled_kernels_is_warned_of(at, monkeypatch):
    """Once, before it is hidden in; not where they were left out on purpose."""
    monkeypatch.setattr("stegnet.methods.film_loop._LONG", FRAMES)
    for there, setting, warned in ((True, "", False), (False, "", True), (False, kernels.NUMPY, False)):
        heard: list[str] = []
        monkeypatch.setattr(kernels, "compiled", kernels.compiled if there else None)
        monkeypatch.setenv(kernels.VARIABLE, setting)
        at.embed(at.film, at.secret(10), "film.mkv", run=Run(warn=heard.append))
        assert ["kernels" in line for line in heard] == [True] * warned
