"""The method jpeg through channels that the sender can run: what arrives opens as any container does."""

import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stegnet import ConfigError, Identity, MediaError, Session, StegnetError
from stegnet.channels import learn_channel
from stegnet.channels.jpeg_form import JpegForm
from stegnet.channels.simulation import Command
from tests.support.apps import App, photo, saved
from tests.support.jpegs import read_jpeg

SECRET = b"Meet me at eight."
SAVE = "import sys; from PIL import Image; Image.open(sys.argv[1]).convert({mode!r}).save(sys.argv[2], 'JPEG', {how})"
NOISE = """import os, sys
from PIL import Image
noise = Image.frombytes("RGB", (96, 96), os.urandom(96 * 96 * 3))
Image.blend(Image.open(sys.argv[1]), noise, 0.2).save(sys.argv[2], "JPEG")"""


def command(how: str, mode: str = "RGB") -> str:
    """A channel that decodes a picture and saves it as JPEG."""
    return python(SAVE.format(mode=mode, how=how))


def python(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {{in}} {{out}}"


def clipped(path: Path, **how: Any) -> Path:
    """A photograph half of which is of colours at the end of their range."""
    with Image.open(photo(path)) as image:
        pixels = np.asarray(image).astype(int)
    pixels[: len(pixels) // 2, :, 0] += 150
    return saved(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), path, **how)


@pytest.mark.parametrize("make, quality, how, mode", [
    (clipped, 75, "quality=72", "RGB"),
    (photo, 92, "quality=85, subsampling='4:4:4', progressive=True", "RGB"),
    (photo, 90, "quality=75, optimize=True", "L"),
    (clipped, 80, "quality=92", "RGB"),  # in finer steps than the cover's
])  # fmt: skip
def test_what_arrives_through_a_command_is_the_container(tmp_path, key, make, quality, how, mode):
    """And what is sent has the tables that the command saves with, and nothing of the cover's metadata."""
    cover = make(tmp_path / "c.jpg", quality=quality, comment=b"by hand")
    if mode == "L":
        Image.open(cover).convert("L").save(cover, quality=quality)
    sent, received, channel = tmp_path / "sent.jpg", tmp_path / "received.jpg", command(how, mode)
    Session().hide(cover, SECRET, to=sent, key=key, channel=channel)
    Command(channel).run(sent, received)
    found = Session().reveal(received, key=key, strict=True)
    assert (found.data, found.trouble) == (SECRET, ())
    before, after = read_jpeg(sent), read_jpeg(received)
    assert JpegForm.of(before) == JpegForm.of(after)
    assert b"by hand" not in sent.read_bytes()


@pytest.mark.parametrize("how", [
    {}, {"quality": 75, "subsampling": "4:2:2", "optimize": True},
    {"quality": 92, "subsampling": "4:4:4", "progressive": True, "comment": b"made by an app"},
    {"restart_marker_rows": 1, "dpi": (72, 72)},
], ids=str)  # fmt: skip
def test_a_channel_is_learned_from_what_arrived(tmp_path, key, how):
    """From a large picture that it reduces, and from what arrived, sent again; its file holds all that is known."""
    app = App(how, side=384)
    first = photo(tmp_path / "first.jpg", (512, 512), quality=95)
    received = app(first, tmp_path / "received.jpg")
    known = learn_channel([(first, received), (received, app(received, tmp_path / "again.jpg"))])
    assert known.exact
    assert known.kept_size(512, 512) == (384, 384)
    file = tmp_path / "app.channel"
    file.write_text(known.text(), encoding="utf-8")

    cover = photo(tmp_path / "c.png", (640, 640), seed=2)
    told = Session().hide(cover, SECRET, to=tmp_path / "s.jpg", key=key, survive=file)
    assert (told.width, told.height) == (384, 384) and told.hiding.detection == "hard"
    assert not any("is an old one" in note for note in told.notes)
    natural = app(cover, tmp_path / "natural.jpg")
    assert read_jpeg(tmp_path / "s.jpg").without_picture() == read_jpeg(natural).without_picture()
    assert Session().reveal(app(tmp_path / "s.jpg", tmp_path / "r.jpg"), key=key, strict=True).data == SECRET


def test_a_recipient_and_a_cover_that_is_no_jpeg(tmp_path):
    identity, channel = Identity(bytes(range(32))), command("quality=75")
    photo(tmp_path / "c.png", (384, 384), quality=98)
    Session().hide(tmp_path / "c.png", SECRET, to=tmp_path / "s.jpg", key=identity.recipient, channel=channel)
    Command(channel).run(tmp_path / "s.jpg", tmp_path / "r.jpg")
    assert Session().reveal(tmp_path / "r.jpg", key=identity, strict=True).data == SECRET


def test_a_cover_that_came_through_the_channel_stays_as_it_is(tmp_path, key):
    """But for steps in luma: it is not saved once more, and keeps its metadata."""
    cover, sent = photo(tmp_path / "c.jpg", (384, 384), quality=75, comment=b"by hand"), tmp_path / "s.jpg"
    told = Session().hide(cover, SECRET, to=sent, key=key, channel=command("quality=75"))
    assert "the cover is in the channel's form, and stays as it is" in told.notes
    before, after = read_jpeg(cover), read_jpeg(sent)
    assert b"by hand" in sent.read_bytes()
    assert all(map(np.array_equal, before.planes[1:], after.planes[1:]))
    assert 0 < (before.planes[0] != after.planes[0]).any(2).mean() < 0.5
    Command(command("quality=75")).run(sent, tmp_path / "r.jpg")
    assert Session().reveal(tmp_path / "r.jpg", key=key, strict=True).data == SECRET


REFUSED = {
    "convert '{in} {out}": (ConfigError, "can't be split"),
    python("import sys; sys.exit('a\\nthe last line')"): (MediaError, "failed with exit code 1: the last line"),
    python("pass"): (MediaError, "wrote no {out}"),
    python("import sys; open(sys.argv[2], 'w').write('GIF')"): (MediaError, "what arrives is not a JPEG"),
    python(NOISE): (MediaError, "what arrives can't be computed to the bit"),
    command("quality=75").replace(".save(", ".rotate(180).save("): (MediaError, "is not what was sent, whole"),
    "cp {in} {out}": (MediaError, "arrived byte for byte as it was sent"),
}


@pytest.mark.parametrize("channel", REFUSED, ids=lambda channel: REFUSED[channel][1])
def test_refusals_leave_no_file(tmp_path, key, channel):
    kind, message = REFUSED[channel]
    with pytest.raises(StegnetError) as told:
        Session().hide(
            photo(tmp_path / "c.jpg", (96, 96), quality=80), b"", to=tmp_path / "o.jpg", key=key, channel=channel
        )
    assert isinstance(told.value, kind) and message in str(told.value)
    assert "\n" not in told.value.as_text().removesuffix(f"hint: {told.value.hint}").strip()
    assert not (tmp_path / "o.jpg").exists()


def test_what_arrived_and_one_library_alone_reads_is_refused(tmp_path, key):
    """Its JFIF segment ends before its fields: libjpeg passes over it, Pillow does not (T.871, 10.1)."""
    cover, arrived = photo(tmp_path / "c.jpg", (64, 64), quality=80), photo(tmp_path / "a.jpg", (64, 64), quality=75)
    data = arrived.read_bytes()
    assert data[4:11] == b"\0\x10JFIF\0"
    arrived.write_bytes(data[:4] + b"\0\7JFIF\0" + data[20:])
    with pytest.raises(MediaError, match=r"a\.jpg: the JPEG picture is damaged, or of a kind that can't be read"):
        learn_channel([(cover, arrived)])
