"""A note for a messenger comes back from copies of every size that messengers keep, by real encoders."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.cli import main
from tests.support.films import picture
from tests.support.real_channels import Sharp

pytestmark = pytest.mark.slow

KEY = stegnet.Key(bytes(range(32)))
NOTE = b"Meet me at eight.\n"
# Of covers, all larger than what some messengers keep; their copies have so many blocks that only some are looked at.
SIZES = ((1700, 144), (184, 2200), (1281, 152))


def each(values: tuple[int, ...]) -> pytest.MarkDecorator:
    """With each cover, each value: at a landing, one of them."""
    pairs = ((place, size, value) for place, size in enumerate(SIZES) for value in values)
    cases = [
        pytest.param(size, value, marks=() if value == values[place % len(values)] else pytest.mark.night)
        for place, size, value in pairs
    ]
    return pytest.mark.parametrize(("sent", "value"), cases, indirect=["sent"], ids=str)


@pytest.fixture(scope="module")
def sent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sent")
    width, height = request.param
    Image.fromarray(picture(height, width, 7)).save(folder / "photo.jpg", quality=92)
    stegnet.hide(folder / "photo.jpg", NOTE, folder / "sent.jpg", key=KEY, survive="messenger")
    return folder / "sent.jpg"


def reduced(path: Path, side: int) -> Image.Image:
    """A picture as a messenger sends it that keeps so many pixels, and leaves a smaller one at its size."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    return image


def saved(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()


@each((1280, 1600, 2048))
def test_copies_of_all_sizes_that_messengers_keep_are_revealed(sent: Path, value: int) -> None:
    for quality in (70, 87):
        once = saved(reduced(sent, value), quality)
        twice = saved(Image.open(io.BytesIO(once)), 72)
        for copy in (once, twice):
            assert stegnet.reveal(copy, key=KEY).data == NOTE


@each((75, 87))
def test_copies_by_mozjpeg_are_revealed(sent: Path, tmp_path: Path, value: int) -> None:
    copy = tmp_path / "copy.jpg"
    Sharp({"quality": value, "mozjpeg": True})(sent, copy, 1600)
    assert stegnet.reveal(copy, key=KEY).data == NOTE


@pytest.mark.parametrize(
    ("side", "helps", "no_help"),
    [
        (1280, ("a smaller secret", "as a document", "--for file"), "pixels or more"),
        (640, ("1280 pixels or more",), "document"),
    ],
)
def test_it_is_said_what_helps_a_secret_that_is_too_large(
    side: int,
    helps: tuple[str, ...],
    no_help: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A larger cover only where there is more to gain."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(96, side, 7)).save("photo.jpg", quality=92)
    Path("long.txt").write_bytes(bytes(range(256)) * 40)
    stegnet.make_key_file("k")
    given = ["hide", "photo.jpg", "long.txt", "--for", "messenger", "--key-file", "k", "-o", "sent.jpg"]
    assert main(given) == 1
    said = capsys.readouterr().err
    assert all(word in said for word in helps)
    assert no_help not in said
    assert not Path("sent.jpg").exists()


@pytest.mark.parametrize(
    ("place", "suffix", "survives"),
    [("messenger", ".jpg", "keeps {} pixels"), ("website", ".png", "JPEG 75 and better")],
)
def test_a_size_may_be_asked_for(
    place: str,
    suffix: str,
    survives: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A smaller one, for apps that keep less; a larger one, for apps that keep more. It is said which."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(200, 1700, 7)).save("photo.jpg", quality=92)
    Path("note.txt").write_bytes(NOTE)
    stegnet.make_key_file("k")
    for side in (800, 1600):
        out = f"{side}{suffix}"
        given = ["hide", "photo.jpg", "note.txt", "--for", place, "--resize", str(side), "--key-file", "k", "-o", out]
        assert main(given) == 0
        assert survives.format(side) in capsys.readouterr().err
        with Image.open(out) as made:
            assert max(made.size) == side
        copy = saved(reduced(Path(out), side), 75)
        assert stegnet.reveal(copy, key=stegnet.read_key("k")).data == NOTE


def test_a_size_that_the_cover_does_not_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(96, 300, 7)).save("photo.jpg", quality=92)
    stegnet.make_key_file("k")
    given = ["hide", "photo.jpg", "--text", "hi", "--for", "messenger", "--resize", "300", "--key-file", "k"]
    assert main([*given, "-o", "sent.jpg"]) == 1
    assert "the cover's longer side has 300 pixels" in capsys.readouterr().err
    assert not Path("sent.jpg").exists()


def test_a_smaller_cover_stays_at_its_size(tmp_path: Path) -> None:
    cover = picture(240, 900, 7)
    Image.fromarray(cover).save(tmp_path / "photo.jpg", quality=92)
    stegnet.hide(tmp_path / "photo.jpg", NOTE, tmp_path / "sent.jpg", key=KEY, survive="messenger")
    assert np.asarray(Image.open(tmp_path / "sent.jpg")).shape == cover.shape
    assert stegnet.reveal(saved(reduced(tmp_path / "sent.jpg", 1280), 70), key=KEY).data == NOTE
