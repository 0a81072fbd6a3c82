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
from PIL import Image, ImageCms

from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.files.info import file_info
from stegnet.keys import Key, Passphrase
from stegnet.keys.keys import KeyRing
from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png
from stegnet.methods.network import hide_film, hide_picture
from stegnet.methods.sealed.embed import bytes_room, embed_file, hide_bytes
from stegnet.methods.sealed.extract import extract_file, reveal_bytes
from stegnet.record.reading import read_record
from stegnet.record.record import FILE, File, Header, Record, format_record
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
def embedded(tmp_path: Path, film: Path, secret: Callable[[int], Path], key: Key) -> Path:
    """A film that holds 1,000 bytes, 334 in each frame: three of its five give them back."""
    embed_file(film, secret(1000), OutputTarget(tmp_path / "embedded.mkv"), key)
    return tmp_path / "embedded.mkv"


def round_trip(cover: Path, file: Path, suffix: str, key: Key | Passphrase) -> tuple[Report, Report]:
    """Hides and reveals a file, and sees that it comes back."""
    container, out = cover.with_name("container" + suffix), cover.with_name("out.bin")
    hidden = embed_file(cover, file, OutputTarget(container), key)
    revealed = extract_file(container, OutputTarget(out, force=True), key)
    assert out.read_bytes() == file.read_bytes()
    return hidden, revealed


def rewritten(container: Path, frames: Iterable[np.ndarray]) -> Path:
    """A film of other frames."""
    out, info = container.with_name("rewritten.mkv"), scan(container)
    with FilmWriter(out, info.width, info.height, info.rate, form="mkv", time_base=info.time_base) as film:
        for index, frame in enumerate(frames):
            film.write(frame, index / info.rate)
    return out


def mean_square(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.square(one.astype(float) - other).mean())


@pytest.mark.parametrize("size", [0, 1, 2, SHARE - 1, SHARE])
def test_a_picture_gives_back_every_byte(cover, secret, key, size):
    hidden, revealed = round_trip(cover, secret(size), ".png", key)
    assert (hidden.width, hidden.height, hidden.frames, hidden.hidden) == (WIDTH, HEIGHT, 1, min(size, 1))
    line = f"hidden: secret.bin, {size} bytes"
    assert (hidden.notes[0], revealed.notes) == (f"{line}, byte for byte", (line,))
    assert revealed.trouble == ()


@pytest.mark.parametrize("size", [0, 1, SHARE - 1, SHARE])
def test_bytes_are_hidden_in_an_array_as_a_file_is_in_a_picture(tmp_path, cover, secret, key, size):
    file, pixels = secret(size), read_picture(cover)
    container = hide_bytes(pixels, file.read_bytes(), key, name=file.name, randomness=random.Random(5).randbytes)
    embed_file(cover, file, OutputTarget(tmp_path / "a.png"), key, randomness=random.Random(5).randbytes)
    assert np.array_equal(container, read_picture(tmp_path / "a.png"))
    assert np.array_equal(pixels, read_picture(cover))
    assert reveal_bytes(container, key) == file.read_bytes()


def test_bytes_that_do_not_fit_are_refused(picture, key):
    assert bytes_room(HEIGHT, WIDTH, "secret.bin") == SHARE
    with pytest.raises(CapacityError, match=f"has {SHARE + 1} bytes, and there is room for {SHARE}$"):
        hide_bytes(picture(HEIGHT, WIDTH), bytes(SHARE + 1), key, name="secret.bin")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "x\0y", "n" * 256])
def test_bytes_need_a_name_that_can_be_read_back(picture, key, name):
    with pytest.raises(ValueError, match=r"^name: must be a file's name without its folder"):
        hide_bytes(picture(HEIGHT, WIDTH), b"bytes", key, name=name)


def test_bytes_need_their_own_key(picture):
    container = hide_bytes(picture(HEIGHT, WIDTH), b"bytes", Passphrase("correct horse"))
    assert reveal_bytes(container, Passphrase("correct horse")) == b"bytes"
    for pixels, other in ((container, Key(bytes(32))), (picture(HEIGHT, WIDTH), Passphrase("correct horse"))):
        with pytest.raises(RevealError, match="nothing can be revealed"):
            reveal_bytes(pixels, other)


def test_a_hidden_picture_is_not_bytes(picture, exact, key):
    container = hide_picture(exact, picture(64, 96), picture(64, 96, 1), key)
    with pytest.raises(RevealError, match="not a file"):
        reveal_bytes(container, key)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("size", [0, 1, FRAMES + 1, 1000, FRAMES * FILM_SHARE])
def test_a_film_gives_back_every_byte(film, secret, key, size, suffix):
    hidden, revealed = round_trip(film, secret(size), suffix, key)
    assert (hidden.frames, hidden.hidden) == (revealed.frames, revealed.hidden) == (FRAMES, FRAMES if size else 0)
    assert revealed.trouble == ()


def test_a_passphrase_opens_both(cover, film, secret):
    round_trip(cover, secret(100), ".png", Passphrase("correct horse"))
    round_trip(film, secret(100), ".mkv", Passphrase("correct horse"))


def test_the_container_is_verified(tmp_path, film, secret, key):
    seen = []
    embed_file(film, secret(9), OutputTarget(tmp_path / "a.mkv"), key, progress=lambda *step: seen.append(step))
    assert seen == [(doing, done, FRAMES) for doing in ("hide", "verify") for done in range(1, FRAMES + 1)]


def test_a_picture_shows_its_steps(tmp_path, cover, secret, key, picture):
    """From the first on, and whether or not they can be counted."""
    Image.fromarray(picture(90, 120, 5)).save(tmp_path / "large.png")
    seen = []
    for file in (secret(9), tmp_path / "large.png"):
        embed_file(
            cover, file, OutputTarget(tmp_path / f"{file.stem}.out.png"), key,
            compress=True, progress=lambda phase, done, total: seen.append((phase, phase.step, phase.steps)),
        )  # fmt: skip
    assert list(dict.fromkeys(seen)) == [
        ("hide", 1, 2), ("write", 2, 2), ("compress", 1, 3), ("hide", 2, 3), ("write", 3, 3),
    ]  # fmt: skip


def test_same_randomness_same_bytes(tmp_path, film, secret, key):
    for name in ("a.mkv", "b.mkv"):
        embed_file(film, secret(500), OutputTarget(tmp_path / name), key, randomness=random.Random(4).randbytes)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_nothing_random_serves_twice(tmp_path, cover, film, secret, key):
    """A nonce that serves two frames breaks AES-GCM. The film id is new for each run, the salt for each frame."""
    runs: list[list[np.ndarray]] = []
    for number in range(2):
        embed_file(cover, secret(100), OutputTarget(tmp_path / f"{number}.png"), key)
        embed_file(film, secret(100), OutputTarget(tmp_path / f"{number}.mkv"), key)
        runs += [[read_picture(tmp_path / f"{number}.png")], list(read_frames(tmp_path / f"{number}.mkv"))]
    nonces = [by_the_book.read_lead(frame, SECRET)[0][:12] for frames in runs for frame in frames]
    assert len(set(nonces)) == len(nonces) == 2 * (1 + FRAMES)
    assert len({read_record(frames[0], KeyRing(key), first=True).record.header.film_id for frames in runs}) == 4
    assert len({by_the_book.frame_salt(frame) for frames in runs for frame in frames}) == len(nonces)


def test_a_picture_that_does_not_read_back_is_not_kept(tmp_path, cover, secret, key, monkeypatch):
    monkeypatch.setattr("stegnet.results.output.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    with pytest.raises(MediaError, match=r"a\.png: does not read back"):
        embed_file(cover, secret(9), OutputTarget(tmp_path / "a.png"), key)
    assert not (tmp_path / "a.png").exists()
    embed_file(cover, secret(9), OutputTarget(tmp_path / "a.png"), key, verify=False)


def test_a_byte_too_many_is_refused(tmp_path, cover, film, secret, key):
    with pytest.raises(CapacityError, match=f"has {SHARE + 1} bytes, and there is room for {SHARE}$") as caught:
        embed_file(cover, secret(SHARE + 1), OutputTarget(tmp_path / "a.png"), key)
    assert "--method auto" not in caught.value.hint
    with pytest.raises(CapacityError, match=f"room for {FRAMES * FILM_SHARE}$") as caught:
        embed_file(film, secret(FRAMES * FILM_SHARE + 1), OutputTarget(tmp_path / "a.mkv"), key)
    assert caught.value.hint == f"a cover of {FRAMES + 1} such frames would do"
    assert not (tmp_path / "a.png").exists() and not (tmp_path / "a.mkv").exists()


def test_the_cover_that_the_hint_names_would_do(tmp_path, cover, secret, key, picture):
    with pytest.raises(CapacityError) as caught:
        embed_file(cover, secret(5000), OutputTarget(tmp_path / "a.png"), key)
    width, height = map(int, re.search(r"of (\d+)×(\d+) pixels", caught.value.hint).groups())
    assert width * height < 1.1 * HEIGHT * WIDTH * 5000 / SHARE
    write_png(cover, picture(height, width))
    round_trip(cover, secret(5000), ".png", key)


def test_a_cover_for_which_there_is_not_enough_memory(tmp_path, cover, secret, key, monkeypatch):
    """It is refused by its size, before it is read."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000))
    monkeypatch.setattr("stegnet.methods.sealed.embed.read_cover", lambda path: pytest.fail("was read"))
    with pytest.raises(MediaError, match=r"takes 0\.0 GB of memory") as caught:
        embed_file(cover, secret(10), OutputTarget(tmp_path / "c.png"), key)
    assert "0.0 GB are free" in caught.value.hint
    assert not (tmp_path / "c.png").exists()


@pytest.mark.slow
def test_memory_for_a_small_secret_in_a_large_cover(key):
    """In bytes for each sample, cover and container included; it was 25 once."""
    cover = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    tracemalloc.start()
    try:
        hide_bytes(cover, bytes(16), key)
        assert tracemalloc.get_traced_memory()[1] < 16 * cover.size
    finally:
        tracemalloc.stop()


def test_a_cover_without_room_for_anything(tmp_path, cover, secret, key, picture):
    write_png(cover, picture(18, 18))
    with pytest.raises(CapacityError, match="the cover is too small: 18×18 pixels"):
        embed_file(cover, secret(0), OutputTarget(tmp_path / "a.png"), key)


def test_a_full_container_is_as_near_its_cover_as_can_be(tmp_path, cover, film, secret, key):
    """Two samples of three change by one, which is 49.9 dB; of lead and MAC, at most half."""
    embed_file(cover, secret(SHARE), OutputTarget(tmp_path / "full.png"), key)
    embed_file(film, secret(FRAMES * FILM_SHARE), OutputTarget(tmp_path / "full.mkv"), key)
    pairs = [(read_picture(cover), read_picture(tmp_path / "full.png"))]
    pairs += zip(read_frames(film), read_frames(tmp_path / "full.mkv"), strict=True)
    for before, after in pairs:
        assert abs(before.astype(int) - after).max() == 1
        # By chance of the keys, its standard deviation is 0.005.
        assert mean_square(before, after) == pytest.approx(2 / 3 - 0.013, abs=0.03)


def test_the_file_is_spread_evenly(film, embedded):
    """Frame by frame as many samples change, far fewer than bits are hidden: two each, and those of lead and MAC."""
    changes = [(a != b).sum() for a, b in zip(read_frames(film), read_frames(embedded), strict=True)]
    assert changes == pytest.approx([np.mean(changes)] * FRAMES, rel=0.15)
    assert max(changes) < 8 * (334 + FIELDS + 16) / 4 + 264


def test_the_covers_sound_and_times_are_kept(film, embedded):
    assert list(scan(film).times) == list(scan(embedded).times)
    assert sound(film) == sound(embedded)


def sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(audio=0)]


def test_the_covers_profile_is_kept(tmp_path, secret, key, picture):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write_png(tmp_path / "cover.png", picture(HEIGHT, WIDTH), icc=profile)
    round_trip(tmp_path / "cover.png", secret(10), ".png", key)
    with Image.open(tmp_path / "container.png") as container:
        assert container.info["icc_profile"] == profile


def test_another_key_opens_nothing(tmp_path, embedded):
    for other in (Key(bytes(32)), Passphrase("a guess")):
        with pytest.raises(RevealError, match="nothing can be revealed"):
            extract_file(embedded, OutputTarget(tmp_path / "out"), other)
    assert not (tmp_path / "out").exists()


def test_a_cover_hides_nothing(tmp_path, cover, film, key):
    for path in (cover, film):
        with pytest.raises(RevealError, match="nothing can be revealed"):
            extract_file(path, OutputTarget(tmp_path / "out"), key)


@pytest.mark.parametrize(
    ("order", "line"),
    [
        ([0, 2, 3, 1, 4], "frame 1 was moved to another place"),
        ([0, 1, 1, 2, 3, 4], "frame 1 was repeated"),
    ],
)
def test_order_does_not_matter_but_is_reported(tmp_path, embedded, key, order, line):
    frames = list(read_frames(embedded))
    other = rewritten(embedded, [frames[index] for index in order])
    report = extract_file(other, OutputTarget(tmp_path / "out"), key)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "secret.bin").read_bytes()
    assert report.trouble == (line,)
    with pytest.raises(RevealError, match=r"was (moved|repeated)") as caught:
        extract_file(other, OutputTarget(tmp_path / "strict"), key, strict=True)
    assert "unless strict" in caught.value.hint
    assert not (tmp_path / "strict").exists()


def test_a_film_with_holes_is_not_given(tmp_path, embedded, key):
    frames = list(read_frames(embedded))
    other = rewritten(embedded, [frames[0], frames[3]])
    lost = r"the file needs 3 of its 5 frames, and 2 can be read; 3 frames \(1–2, 4\) were lost$"
    with pytest.raises(RevealError, match=lost):
        extract_file(other, OutputTarget(tmp_path / "out"), key)
    assert not (tmp_path / "out").exists()


def test_a_truncated_film_is_reported(tmp_path, embedded, key):
    data = embedded.read_bytes()
    embedded.write_bytes(data[: len(data) * 4 // 10])
    with pytest.raises(RevealError, match=r"needs 3 of its 5 frames, and \d can be read; .*frame.* lost"):
        extract_file(embedded, OutputTarget(tmp_path / "out"), key)


def test_a_frame_altered_in_a_way_that_its_record_does_not_show(tmp_path, embedded, key):
    """The MAC fails, and every byte is there all the same."""
    frames = list(read_frames(embedded))
    frames[0] = altered(frames[0])
    other = rewritten(embedded, frames)
    report = extract_file(other, OutputTarget(tmp_path / "out"), key)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "secret.bin").read_bytes()
    assert report.trouble == ("frame 0 was altered since it was hidden",)
    with pytest.raises(RevealError, match="frame 0 was altered"):
        extract_file(other, OutputTarget(tmp_path / "strict"), key, strict=True)


def test_an_altered_picture_is_reported(tmp_path, cover, secret, key):
    embed_file(cover, secret(50), OutputTarget(tmp_path / "a.png"), key)
    write_png(tmp_path / "a.png", altered(read_picture(tmp_path / "a.png")))
    report = extract_file(tmp_path / "a.png", OutputTarget(tmp_path / "out"), key)
    assert report.trouble == ("the picture was altered since it was hidden",)


@pytest.mark.parametrize("order", [(1, 3, 4), (0, 1, 2), (2, 4, 0), (4, 3, 2, 1)])
def test_a_file_comes_back_from_some_frames(tmp_path, embedded, key, order):
    """From any three, in any order; the others are lost."""
    frames = list(read_frames(embedded))
    report = extract_file(rewritten(embedded, [frames[at] for at in order]), OutputTarget(tmp_path / "out"), key)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "secret.bin").read_bytes()
    assert any("lost" in line for line in report.trouble)


def test_frames_altered_beyond_reading(tmp_path, embedded, key):
    frames = list(read_frames(embedded))
    frames[0], frames[2] = unreadable(frames[0]), unreadable(frames[2])
    report = extract_file(rewritten(embedded, frames), OutputTarget(tmp_path / "out"), key)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "secret.bin").read_bytes()
    assert report.trouble == ("2 frames (0, 2) were altered beyond reading",)
    with pytest.raises(RevealError, match="altered beyond reading"):
        extract_file(rewritten(embedded, frames), OutputTarget(tmp_path / "strict"), key, strict=True)


@pytest.mark.parametrize(
    ("size", "note"),
    [
        (34, "comes back whole if up to 4 of its 5 frames are lost or altered"),
        (1000, "comes back whole if up to 2 of its 5 frames are lost or altered"),
        (4 * FILM_SHARE, "comes back whole if up to 1 of its 5 frames are lost or altered"),
        (FRAMES * FILM_SHARE, "comes back only if none of its 5 frames is lost or altered"),
    ],
)
def test_how_many_frames_may_be_lost_is_said(tmp_path, film, secret, key, size, note):
    report = embed_file(film, secret(size), OutputTarget(tmp_path / "a.mkv"), key)
    assert report.notes[1] == note
    info = file_info(tmp_path / "a.mkv", key)
    assert (info["frames_that_may_be_lost"], info["frames_when_hidden"]) == (report.may_be_lost, FRAMES)


def test_a_passphrase_needs_the_first_frame(tmp_path, film, secret):
    report = embed_file(film, secret(34), OutputTarget(tmp_path / "a.mkv"), Passphrase("correct horse"))
    assert report.notes[1] == "comes back whole if up to 4 of its 5 frames are lost or altered, but not the first"


def test_a_film_of_an_earlier_writer_opens(tmp_path, film, key):
    """Each frame holds some of the bytes, and none may be lost."""
    data, pieces = b"twelve bytes", []
    file = File("note.txt", len(data), by_the_book.hashlib.sha256(data).digest())
    for index, frame in enumerate(read_frames(film)):
        record = Record(Header(bytes(16), FILE, FRAMES, file), index, 3 * index, data=data[3 * index : 3 * index + 3])
        pieces.append(by_the_book.write(frame, format_record(record, key), SECRET, bytes([index]) * 12))
    extract_file(rewritten(film, pieces), OutputTarget(tmp_path / "out"), key)
    assert (tmp_path / "out").read_bytes() == data
    with pytest.raises(RevealError, match=r"3 of the file's 12 bytes are missing; frame 1 was lost"):
        extract_file(rewritten(film, [pieces[0], *pieces[2:]]), OutputTarget(tmp_path / "lost"), key)


def test_a_lost_frame_without_data_is_reported(tmp_path, film, secret, key):
    embed_file(film, secret(0), OutputTarget(tmp_path / "a.mkv"), key)
    frames = list(read_frames(tmp_path / "a.mkv"))
    report = extract_file(rewritten(film, frames[1:]), OutputTarget(tmp_path / "out"), key)
    assert report.trouble == ("frame 0 was lost",)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "secret.bin").read_bytes()


def test_frames_of_another_container_are_left_out(tmp_path, film, embedded, secret, key):
    """Even if they come first."""
    wanted = (tmp_path / "secret.bin").read_bytes()
    embed_file(film, secret(300), OutputTarget(tmp_path / "other.mkv"), key)
    strangers = list(read_frames(tmp_path / "other.mkv"))[:2]
    report = extract_file(
        rewritten(embedded, [*strangers, *read_frames(embedded)]), OutputTarget(tmp_path / "out"), key
    )
    assert (tmp_path / "out").read_bytes() == wanted
    assert report.trouble == ("2 frames were put in that do not belong here",)


def test_a_film_hidden_by_a_network_is_not_a_file(tmp_path, exact, make_film, key):
    films = [make_film(tmp_path / f"{name}.mkv", 2, 64, 96) for name in ("cover", "secret")]
    hide_film(exact, *films, tmp_path / "container.mkv", key)
    with pytest.raises(RevealError, match="not a file"):
        extract_file(tmp_path / "container.mkv", OutputTarget(tmp_path / "out"), key)


@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        (File("a", 3, bytes(32)), b"abc", "the file's bytes are not those that were hidden"),
        (File("a", 5, bytes(32)), b"abc", "2 of the file's 5 bytes are missing"),
        (File("a", 1 << 62, bytes(32)), b"abc", "nothing can be revealed"),
    ],
)
def test_a_record_that_lies(tmp_path, picture, key, file, data, message):
    """Only a holder of the key can make one."""
    container = picture(HEIGHT, WIDTH)
    record = format_record(Record(Header(bytes(16), FILE, 1, file), 0, data=data), key)
    write_png(tmp_path / "a.png", by_the_book.write(container, record, SECRET, NONCE))
    with pytest.raises(RevealError, match=message):
        extract_file(tmp_path / "a.png", OutputTarget(tmp_path / "out"), key)
    assert not (tmp_path / "out").exists()


def test_a_name_can_do_nothing(tmp_path, cover, secret, key):
    name = "..\x1b[2J\u202egpj\n\udcff.bin"
    nasty = secret(3).rename(tmp_path / name)
    hidden, revealed = round_trip(cover, nasty, ".png", key)
    shown = r"hidden: ..\x1b[2J\u202egpj\n\udcff.bin, 3 bytes"
    assert hidden.notes[0].startswith(shown) and revealed.notes[0].startswith(shown)
    assert {path.name for path in tmp_path.iterdir()} == {name, "cover.png", "container.png", "out.bin"}


def test_refused_output_targets(tmp_path, cover, film, embedded, secret, key):
    taken = OutputTarget(tmp_path / "secret.bin")
    small = tmp_path / "small"
    small.write_bytes(b"1")
    wrong = [
        (cover, "is an input too"),
        (tmp_path / "a.jpg", "is written as .png"),
        (tmp_path / "none" / "a.png", "folder"),
    ]
    for path, message in wrong:
        with pytest.raises(MediaError, match=message):
            embed_file(cover, small, OutputTarget(path, force=True), key)
    with pytest.raises(MediaError, match="is an input too"):
        extract_file(embedded, OutputTarget(embedded, force=True), key)
    with pytest.raises(MediaError, match="exists already"):
        extract_file(embedded, taken, key)
    extract_file(embedded, OutputTarget(taken.path, force=True), key)


def test_inputs_that_are_not_files(tmp_path, cover, key):
    for path, message in ((tmp_path, "is a folder"), (tmp_path / "none", "no such file")):
        with pytest.raises(MediaError, match=message):
            embed_file(cover, path, OutputTarget(tmp_path / "a.png"), key)


def test_a_file_that_changes_meanwhile(tmp_path, film, secret, key):
    """Between the reading of its digest and that of its bytes."""
    file, calls = secret(100), []

    def meddle(count: int) -> bytes:
        calls.append(count)
        if len(calls) == 1:
            file.write_bytes(bytes(100))
        return bytes(count)

    with pytest.raises(MediaError, match=r"secret.bin: was changed while it was being hidden"):
        embed_file(film, file, OutputTarget(tmp_path / "a.mkv"), key, randomness=meddle)
    assert not (tmp_path / "a.mkv").exists()


def noisy(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def test_a_picture_is_compressed_to_fit(tmp_path, picture, key):
    write_png(tmp_path / "cover.png", noisy(64, 96))
    write_png(tmp_path / "photo.png", picture(64, 96, 3))
    with pytest.raises(CapacityError) as caught:
        embed_file(tmp_path / "cover.png", tmp_path / "photo.png", OutputTarget(tmp_path / "a.png"), key)
    assert caught.value.hint.endswith(", or the method auto, which compresses it")
    report = embed_file(
        tmp_path / "cover.png", tmp_path / "photo.png", OutputTarget(tmp_path / "a.png"), key, compress=True
    )
    revealed = extract_file(tmp_path / "a.png", OutputTarget(tmp_path / "out.avif"), key)
    size = (tmp_path / "photo.png").stat().st_size
    assert re.fullmatch(rf"photo.png was compressed from {size} bytes: AVIF 4:4:4, [\d.]+ dB", report.notes[1])
    assert report.notes[0] == revealed.notes[0] and "hidden: photo.avif," in report.notes[0]
    assert mean_square(read_picture(tmp_path / "out.avif"), picture(64, 96, 3)) < 60


def test_a_film_is_compressed_to_fit(tmp_path, make_film, key):
    cover = make_film(tmp_path / "cover.mkv", 14, 40, 48)
    secret = make_film(tmp_path / "film.mp4", 8, 64, 96, seed=9, codec="libx264rgb", pix_fmt="rgb24", sound="aac")
    report = embed_file(cover, secret, OutputTarget(tmp_path / "a.mkv"), key, compress=True)
    extract_file(tmp_path / "a.mkv", OutputTarget(tmp_path / "out.mkv"), key)
    assert "hidden: film.mkv," in report.notes[0]
    assert "film.mp4 was compressed from" in report.notes[1] and "HEVC 4:4:4" in report.notes[1]
    out = scan(tmp_path / "out.mkv")
    assert (out.width, out.height, len(out.pts), len(out.sound)) == (96, 64, 8, 1)


def test_a_file_that_fits_is_not_compressed(tmp_path, film, picture, key):
    buffer = io.BytesIO()
    Image.fromarray(picture(16, 16)).save(buffer, "JPEG")
    (tmp_path / "small.jpg").write_bytes(buffer.getvalue())
    report = embed_file(film, tmp_path / "small.jpg", OutputTarget(tmp_path / "a.mkv"), key, compress=True)
    assert report.unchanged and report.notes[0].endswith(" bytes, byte for byte")
    extract_file(tmp_path / "a.mkv", OutputTarget(tmp_path / "out.jpg"), key)
    assert (tmp_path / "out.jpg").read_bytes() == buffer.getvalue()


def test_a_file_that_is_neither_is_hidden_as_it_is(tmp_path, cover, secret, key):
    report = embed_file(cover, secret(9), OutputTarget(tmp_path / "a.png"), key, compress=True)
    assert report.notes[0].startswith("hidden: secret.bin, 9 bytes")
    with pytest.raises(CapacityError, match="there is room for"):
        embed_file(cover, secret(SHARE + 1), OutputTarget(tmp_path / "b.png"), key, compress=True)


def test_a_long_name_keeps_its_suffix(tmp_path, cover, picture, key):
    name = "ä" * 125 + ".png"
    write_png(tmp_path / name, picture(200, 200))
    write_png(cover, noisy(200, 200))
    report = embed_file(cover, tmp_path / name, OutputTarget(tmp_path / "a.png"), key, compress=True)
    assert f"hidden: {'ä' * 125}.avif," in report.notes[0]
    extract_file(tmp_path / "a.png", OutputTarget(tmp_path / "out"), key)


def test_a_container_is_read_once_if_it_is_whole(embedded, tmp_path, key):
    seen = []
    extract_file(embedded, OutputTarget(tmp_path / "out"), key, progress=lambda *step: seen.append(step))
    assert seen[0] == ("open", 0, 0)
    assert [step for step in seen if step[0] != "open"] == [("reveal", done, FRAMES) for done in range(1, FRAMES + 1)]
