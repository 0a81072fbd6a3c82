"""The method jpeg through channels that the sender can run: what arrives opens as any container does."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, ConfigError, Identity, MediaError, Session, StegnetError
from stegnet.methods.jpeg_channel import Blocks, Command
from tests.support.jpegs import read_jpeg

SECRET = b"Meet me at eight."
SAVE = "import sys; from PIL import Image; Image.open(sys.argv[1]).convert({mode!r}).save(sys.argv[2], 'JPEG', {how})"
NOISE = """import os, sys
from PIL import Image
Image.frombytes("RGB", (96, 96), os.urandom(96 * 96 * 3)).save(sys.argv[2], "JPEG")"""


def command(how: str, mode: str = "RGB") -> str:
    """A channel that decodes a picture and saves it as JPEG."""
    return python(SAVE.format(mode=mode, how=how))


def python(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {{in}} {{out}}"


def photo(path: Path, quality: int, clipped: bool = False, side: int = 256, **how) -> Path:
    """A JPEG that is textured as photographs are, with patches of colours at the end of their range."""
    random = np.random.default_rng(quality)
    rough = random.normal(0, 40, (side // 4, side // 4, 3)).cumsum(0) / 3 + random.normal(
        0, 30, (side // 4, side // 4, 1)
    )
    smooth = np.asarray(
        Image.fromarray((128 + rough).clip(20, 230).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    )
    noisy = smooth + random.normal(0, 6, (side, side, 1))
    if clipped:
        noisy[: side // 2, :, 0] += 150
    Image.fromarray(noisy.clip(0 if clipped else 12, 255 if clipped else 243).astype(np.uint8)).save(
        path, quality=quality, **how
    )
    return path


@pytest.mark.parametrize("quality, how, mode, clipped", [
    (75, "quality=72", "RGB", True),
    (92, "quality=85, subsampling='4:4:4', progressive=True", "RGB", False),
    (90, "quality=75, optimize=True", "L", False),
])  # fmt: skip
def test_what_arrives_is_the_container(tmp_path, key, quality, how, mode, clipped):
    """And what is sent is the cover, but for some coefficients of luma."""
    cover = photo(tmp_path / "c.jpg", quality, clipped, comment=b"by hand")
    sent, received, channel = tmp_path / "sent.jpg", tmp_path / "received.jpg", command(how, mode)
    Session().hide(cover, SECRET, to=sent, key=key, channel=channel)
    Command(channel).run(sent, received)
    found = Session().reveal(received, key=key, strict=True)
    assert (found.data, found.trouble) == (SECRET, ())
    before, after = read_jpeg(cover), read_jpeg(sent)
    assert before.file.data[: before.file.scans[0].start] == after.file.data[: after.file.scans[0].start]
    assert all(map(np.array_equal, before.planes[1:], after.planes[1:]))
    assert np.array_equal(before.planes[0][..., 0], after.planes[0][..., 0])
    assert not np.array_equal(before.planes[0], after.planes[0])


@pytest.mark.slow
def test_what_is_easily_found_is_said(tmp_path, key):
    """Steps nearly as fine as the channel's: more must change of what is sent; not of a cover that was sent before."""
    cover, channel = photo(tmp_path / "c.jpg", 92), command("quality=85")
    told = Session().hide(cover, SECRET, to=tmp_path / "s.jpg", key=key, channel=channel)
    assert told.hiding.detection == "easy"
    assert told.warnings[-1].endswith("use what arrives of this cover as the cover")
    with pytest.raises(CapacityError, match="that detectors find it"):
        Session().hide(cover, SECRET, to=tmp_path / "t.jpg", key=key, channel=channel, at_most_safe=True)
    assert not (tmp_path / "t.jpg").exists()
    Command(channel).run(cover, tmp_path / "sent before.jpg")
    told = Session().hide(tmp_path / "sent before.jpg", SECRET, to=tmp_path / "u.jpg", key=key, channel=channel)
    assert told.warnings == () and told.hiding.detection == "hard"


@pytest.mark.slow
def test_a_recipient_and_a_cover_that_is_no_jpeg(tmp_path):
    """A PNG is saved as JPEG first, whose steps are finer than most channels'."""
    identity, channel = Identity(bytes(range(32))), command("quality=75")
    photo(tmp_path / "c.png", 98, side=384)
    Session().hide(tmp_path / "c.png", SECRET, to=tmp_path / "s.jpg", key=identity.recipient, channel=channel)
    Command(channel).run(tmp_path / "s.jpg", tmp_path / "r.jpg")
    assert Session().reveal(tmp_path / "r.jpg", key=identity, strict=True).data == SECRET


@pytest.mark.parametrize("how", [{"quality": 60}, {"quality": 91, "subsampling": "4:4:4"}])
def test_arrival_is_computed_to_the_bit(tmp_path, how):
    """Of any coefficients, through libjpeg itself, clipped colours and all."""
    cover = read_jpeg(photo(tmp_path / "c.jpg", 85, clipped=True, subsampling="4:4:4"))
    blocks = Blocks(cover, _through(cover.file.data, tmp_path, how))
    assert blocks.known.all() and 0.2 < blocks.clipped.mean() < 0.8
    random = np.random.default_rng(1)
    luma = blocks.own + random.integers(-2, 3, blocks.own.shape, np.int16) * (random.random(blocks.own.shape) < 0.05)
    data = cover.with_planes([luma.reshape(cover.planes[0].shape), *cover.planes[1:]])
    arrived = _through(data, tmp_path, how).planes[0].reshape(-1, 64)
    every = np.arange(len(luma))
    assert (blocks.received(every, luma) == arrived).all(1)[~blocks.clipped].mean() > 0.8  # steps of two may clip
    blocks.clipped[:] = True
    assert np.array_equal(blocks.received(every, luma), arrived)


def _through(data: bytes, folder: Path, how: dict):
    (folder / "sent.jpg").write_bytes(data)
    with Image.open(folder / "sent.jpg") as image:
        image.save(folder / "received.jpg", **how)
    return read_jpeg(folder / "received.jpg")


REFUSED = {
    "convert '{in} {out}": (ConfigError, "can't be split"),
    python("import sys; sys.exit('a\\nthe last line')"): (MediaError, "failed with exit code 1: the last line"),
    python("pass"): (MediaError, "wrote no {out}"),
    python("import sys; open(sys.argv[2], 'w').write('GIF')"): (MediaError, "what arrives is not a JPEG"),
    python(NOISE): (MediaError, "two runs on the same file give different results"),
    command("quality=75").replace(".save(", ".rotate(180).save("): (MediaError, "the channel must only re-encode"),
}


@pytest.mark.parametrize("channel", REFUSED, ids=lambda channel: REFUSED[channel][1])
def test_refusals_leave_no_file(tmp_path, key, channel):
    kind, message = REFUSED[channel]
    with pytest.raises(StegnetError) as told:
        Session().hide(photo(tmp_path / "c.jpg", 80, side=96), b"", to=tmp_path / "o.jpg", key=key, channel=channel)
    assert isinstance(told.value, kind) and message in str(told.value)
    assert "\n" not in told.value.as_text().removesuffix(f"hint: {told.value.hint}").strip()
    assert not (tmp_path / "o.jpg").exists()


@pytest.mark.long
def test_steps_that_are_coarser_than_the_channels(tmp_path, key):
    """It is known after all attempts."""
    cover, channel = photo(tmp_path / "c.jpg", 80, side=64), command("quality=95")
    with pytest.raises(CapacityError, match="the cover was saved in coarser steps than the channel's"):
        Session().hide(cover, b"", to=tmp_path / "o.jpg", key=key, channel=channel)
    assert not (tmp_path / "o.jpg").exists()


def test_what_arrived_and_one_library_alone_reads_is_refused(tmp_path, key):
    """Its JFIF segment ends before its fields: libjpeg passes over it, Pillow does not (T.871, 10.1)."""
    cover, arrived = photo(tmp_path / "c.jpg", 80, side=64), photo(tmp_path / "a.jpg", 75, side=64)
    data = arrived.read_bytes()
    assert data[4:11] == b"\0\x10JFIF\0"
    arrived.write_bytes(data[:4] + b"\0\7JFIF\0" + data[20:])
    with pytest.raises(MediaError, match=r"a\.jpg: the JPEG picture is damaged, or of a kind that can't be read"):
        Session().hide(cover, b"", to=tmp_path / "o.jpg", key=key, channel_from=(cover, arrived))
