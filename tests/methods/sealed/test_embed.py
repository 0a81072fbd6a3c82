"""The method sealed: nothing repeats; what is grey stays grey; what is refused, and what changes meanwhile."""

import random
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, MediaError, RevealError
from stegnet.core.names import PICTURE
from stegnet.files import file_info, reveal_file
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import DEFAULT_CONTEXT, Context
from stegnet.image import read_picture, write_png
from stegnet.keys import KeyRing
from stegnet.methods import METHODS
from stegnet.methods.sealed import hide_bytes, reveal_bytes
from stegnet.pixels.medium import bytes_capacity
from stegnet.record import File, Header, Record, format_record, read_record
from stegnet.results import OutputTarget, Report
from stegnet.sealing import frame_salt
from stegnet.video import read_frames
from tests.support.films import make_film, picture, write_film
from tests.support.sealing import KEY, lead_of, sealed

HEIGHT, WIDTH, FRAMES = 48, 64, 5


def seeded(seed: int) -> Context:
    return Context(randomness=random.Random(seed).randbytes)


COVER = Path("cover.png")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_png(COVER, picture(HEIGHT, WIDTH, 1))


@pytest.fixture
def film(here: None) -> Path:
    return make_film(Path("cover.mkv"), FRAMES, HEIGHT, WIDTH, sound="aac")


def secret(size: int) -> Path:
    """A file of random bytes."""
    Path("secret.bin").write_bytes(random.Random(size).randbytes(size))
    return Path("secret.bin")


def saved(image: Image.Image, name: str) -> Path:
    image.save(name)
    return Path(name)


def embed(cover: Path, file: Path, name: str, run: Context = DEFAULT_CONTEXT, **options: Any) -> Report:
    """Hides a file in a container of this name."""
    method = METHODS[options.pop("by", "sealed")]
    job = HideJob(method, method.info.options(**options), run)
    return hide_file(job, cover, file, OutputTarget(Path(name), force=True), KEY)


def extract(container: str) -> tuple[bytes, Report]:
    """The content of a container, and the report."""
    report = reveal_file(Path(container), OutputTarget(Path("back.bin"), force=True), KEY)
    return Path("back.bin").read_bytes(), report


def test_bytes_are_hidden_in_an_array_as_in_a_file():
    """tests/test_any_size.py has what comes back of files."""
    data, pixels = secret(100).read_bytes(), read_picture(COVER)
    embed(COVER, secret(100), "a.png", seeded(5))
    container = hide_bytes(pixels, data, KEY, name="secret.bin", randomness=random.Random(5).randbytes)
    assert np.array_equal(container, read_picture(Path("a.png")))
    assert np.array_equal(pixels, read_picture(COVER))
    assert reveal_bytes(container, KEY) == data
    with pytest.raises(ValueError, match=r"^name: must be a file's name without its folder"):
        hide_bytes(pixels, b"bytes", KEY, name="a/b")


@pytest.mark.parametrize("size", [0, FRAMES + 1])
def test_a_film_without_loss_may_be_an_mp4(film, size):
    hidden = embed(film, secret(size), "a.mp4")
    data, revealed = extract("a.mp4")
    assert data == Path("secret.bin").read_bytes()
    assert (hidden.frames, hidden.hidden, revealed.trouble) == (FRAMES, FRAMES if size else 0, ())


def test_nothing_random_serves_twice(film):
    """The salt is new for each frame, and so is what it hides; the id of a film for each run."""
    runs: list[list[np.ndarray]] = []
    for number in range(2):
        embed(COVER, secret(100), f"{number}.png")
        embed(film, secret(100), f"{number}.mkv")
        runs += [[read_picture(Path(f"{number}.png"))], list(read_frames(Path(f"{number}.mkv")))]
    leads = [lead_of(frame) for frames in runs for frame in frames]
    assert len(set(leads)) == len(leads) == 2 * (1 + FRAMES)
    films = (read_record(frames[0], KeyRing(KEY), first=True).record for frames in runs if len(frames) > 1)
    assert len({film.header.film_id for film in films}) == 2
    assert len({frame_salt(frame) for frames in runs for frame in frames}) == len(leads)


def test_nothing_is_hard_to_find_in_what_was_saved_with_loss():
    for name, found in (("clean.png", True), ("lossy.jpg", False)):
        cover = saved(Image.fromarray(picture(96, 128, 3)), name)
        if found:
            assert embed(cover, secret(9), "a.png", at_most_safe=True).hiding.detection == "hard"
        else:
            with pytest.raises(CapacityError, match="but none are hard to find"):
                embed(cover, secret(9), "b.png", at_most_safe=True)


def test_what_is_called_hard_to_find_leaves_margins_alone():
    """In a tiny picture that is half margins, nothing is called so."""
    pixels = picture(288, 400, 3)
    pixels[:48] = pixels[-48:] = (90, 120, 40)
    cover = saved(Image.fromarray(pixels), "cover.png")
    with pytest.raises(CapacityError, match=r"at most \d+ bytes are hard to find") as refused:
        embed(cover, secret(9000), "a.png", at_most_safe=True)
    most = int(re.search(r"at most (\d+)", str(refused.value))[1])
    embed(cover, secret(most), "a.png", at_most_safe=True)
    changed = read_picture(Path("a.png")) != pixels
    assert changed.any() and not changed[:48].any() and not changed[-48:].any()
    pixels[:80] = pixels[-80:] = (90, 120, 40)
    small = saved(Image.fromarray(pixels[16:144, :192]), "small.png")
    embed(small, secret(1), "b.png", at_most_safe=True)
    changed = read_picture(Path("b.png")) != pixels[16:144, :192]
    assert changed.any() and not changed[:64].any()
    tiny = saved(Image.fromarray(pixels[56:104, :64]), "tiny.png")
    with pytest.raises(CapacityError, match="none are hard to find"):
        embed(tiny, secret(1), "c.png", at_most_safe=True)


def test_a_cover_for_which_there_is_not_enough_memory(monkeypatch):
    """It is refused by its size, before it is read."""
    monkeypatch.setattr("stegnet.core.pixels.free_memory", lambda: 1000)
    with pytest.raises(MediaError, match=r"needs 0\.1 GB of memory") as caught:
        embed(COVER, secret(10), "c.png")
    assert "0.0 GB are free" in caught.value.hint
    assert not Path("c.png").exists()


@pytest.mark.slow
def test_memory_for_a_small_secret_in_a_large_cover():
    """In bytes for each sample, cover and container included; it was 25 once."""
    cover = np.random.default_rng(0).integers(0, 256, (700, 1000, 3), np.uint8)
    tracemalloc.start()
    try:
        hide_bytes(cover, bytes(16), KEY)
        assert tracemalloc.get_traced_memory()[1] < 16 * cover.size
    finally:
        tracemalloc.stop()


def test_a_file_that_changes_meanwhile(film):
    """Between the reading of its digest and that of its bytes."""
    file, calls = secret(100), []

    def meddle(count: int) -> bytes:
        calls.append(count)
        if len(calls) == 1:
            file.write_bytes(bytes(100))
        return bytes(count)

    with pytest.raises(MediaError, match=r"secret.bin: was changed while it was being hidden"):
        embed(film, file, "a.mkv", Context(randomness=meddle))
    assert not Path("a.mkv").exists()


def test_records_that_lie():
    """Only a holder of the key can make one: here of an album of one file, in a part."""
    for file, message in (
        (File("a", 3, bytes(32)), "the file's bytes are not those that were hidden"),
        (File("a", 5, bytes(32)), "2 of the file's 5 bytes are missing"),
        (File("a", 1 << 62, bytes(32)), "nothing can be revealed"),
    ):
        part = format_record(Record(Header(bytes(16), "file", 2, file), 0, data=b"abc"), bytes(16))
        record = part[:33] + (1).to_bytes(4, "big") + part[37:]  # its number of files
        write_png(Path("a.png"), sealed(picture(HEIGHT, WIDTH), record))
        with pytest.raises(RevealError, match=message):
            extract("a.png")


def test_a_copy_with_a_long_name_keeps_its_suffix():
    cover, photo = Path("cover.png"), Path("ä" * 125 + ".png")
    write_png(cover, np.random.default_rng(5).integers(0, 256, (64, 96, 3), np.uint8))
    write_png(photo, picture(64, 96, 3))
    report = embed(cover, photo, "a.png", compress=True)
    copy = r"hidden as a compressed copy, ä{125}\.avif \(PNG → AVIF 4:4:4, [\d.]+ dB\)"
    assert re.fullmatch(rf"ä{{125}}\.png does not fit as it is: {copy}", report.warnings[0])
    revealed = extract("a.png")[1]
    assert report.notes[0] == revealed.notes[0] and f"hidden: {'ä' * 125}.avif," in report.notes[0]


# Grey covers and palettes, as someone who looks for containers sees them: coloured pixels are counted, and colours


def coloured(picture: np.ndarray) -> int:
    """Number of pixels that are not grey."""
    return int((np.ptp(picture, axis=2) > 0).sum())


def test_a_grey_cover_has_a_third_of_the_capacity():
    """tests/test_any_size.py and test_contract.py have that all of it can be used, and stays grey."""
    grey = saved(Image.fromarray(picture(96, 112, 3)).convert("L"), "grey.png")
    colour = saved(Image.fromarray(picture(96, 112, 3)), "colour.png")
    assert file_info(grey)["sealed_bytes"] < file_info(colour)["sealed_bytes"] / 3
    with pytest.raises(CapacityError) as caught:
        embed(grey, secret(file_info(grey)["sealed_bytes"] + 100), "d.png")
    assert "a colour cover holds three times as much" in caught.value.hint


@pytest.mark.parametrize("by", sorted(METHODS.keys() - {"h264", "sound"}))  # which do not hide in pictures
def test_a_palette_is_refused(by):
    few = Image.fromarray(picture(96, 112, 3)).quantize(65)
    for name, image in (("opaque.png", few), ("still.gif", few), ("grey.png", few.convert("L").quantize(65))):
        cover, out = saved(image, name), f"c{METHODS[by].info.forms[PICTURE][0]}"
        with pytest.raises(MediaError, match=r"has a palette of \d+ colours, and what is hidden would"):
            embed(cover, cover if by == "network" else secret(9), out, by=by)
        assert not Path(out).exists()


@pytest.mark.slow
def test_what_survives_is_grey():
    """Whether it is saved again as grey or as colour."""
    cover = saved(Image.fromarray(picture(160, 208, 3)).convert("L"), "cover.jpg")
    embed(cover, secret(9), "c.jpg", by="robust", survive="jpeg:75")
    with Image.open(Path("c.jpg")) as image:
        assert image.mode == "L"
        image.save(Path("grey.jpg"), quality=75)
        image.convert("RGB").save(Path("colour.jpg"), quality=75)
    for sent in ("c.jpg", "grey.jpg", "colour.jpg"):
        assert extract(sent)[0] == secret(9).read_bytes(), sent


def test_a_grey_frame_of_a_film_stays_grey():
    """Of one in colour, too, all of whose room can be filled."""
    grey = [np.repeat(picture(96, 112, seed)[..., :1], 3, 2) for seed in range(2)]
    for name, frames in (("grey", grey), ("mixed", [np.zeros_like(grey[0]), picture(96, 112, 1)])):
        write_film(Path(f"{name}.mkv"), frames)
        assert file_info(Path(f"{name}.mkv"))["grey"] == (name == "grey")
        for size in (9, bytes_capacity(96, 112, "secret.bin", channels=1 if name == "grey" else 3)):
            embed(Path(f"{name}.mkv"), secret(size), "c.mkv")
            stay = [coloured(frame) == 0 for frame in read_frames(Path("c.mkv"))]
            assert stay == [name == "grey" or size == 9, name == "grey"]
            assert extract("c.mkv")[0] == secret(size).read_bytes()
