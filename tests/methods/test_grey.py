"""Grey covers and palettes, as someone who looks for containers sees them: coloured pixels are counted, and colours."""

import random
import struct
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image, ImageCms

from stegnet import CapacityError, MediaError
from stegnet.files import file_info, reveal_file
from stegnet.keys import ContainerKeys, KeyRing
from stegnet.media import FilmWriter, read_frames, read_picture
from stegnet.methods import METHODS, PICTURE, Run
from stegnet.methods.sealed import bytes_room, hide_bytes
from stegnet.results import OutputTarget
from stegnet.sealing import FILM_EFFORT, SealOptions, room, seal, texture_costs, unseal
from stegnet.sealing.seal import UnsealedRecord
from tests.media.conftest import icc
from tests.support.sealing import salt_samples, sealed

pytestmark = pytest.mark.slow

DATA = bytes(range(16))
HEIGHT, WIDTH = 96, 112


@pytest.fixture
def photo(picture: Callable[..., np.ndarray]) -> Image.Image:
    return Image.fromarray(picture(HEIGHT, WIDTH, 3))


@pytest.fixture
def note(tmp_path: Path) -> Path:
    (tmp_path / "note.bin").write_bytes(DATA)
    return tmp_path / "note.bin"


@pytest.fixture
def no_network(monkeypatch) -> None:
    """No network is loaded."""
    monkeypatch.setattr(Run, "network", lambda *_: pytest.fail("no network is needed"))


@pytest.fixture
def hide(key):
    def run(cover: Path, secret: Path, out: Path, by: str = "sealed", **options: object) -> None:
        method, target = METHODS[by], OutputTarget(out, force=True)
        method.hide(cover, secret, target, key, method.options(**options), Run())

    return run


@pytest.fixture
def back(tmp_path, key):
    """The bytes that a container gives back."""

    def run(container: Path) -> bytes:
        reveal_file(container, OutputTarget(tmp_path / "back.bin", force=True), key)
        return (tmp_path / "back.bin").read_bytes()

    return run


def grey_files(photo: Image.Image) -> dict[str, tuple[Image.Image, dict]]:
    """Grey pictures by the names of their files, and how they are saved."""
    grey = photo.convert("L")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tinted = Image.merge("LA", (grey, Image.new("L", grey.size, 200)))
    return {
        "grey.png": (grey, {}),
        "grey.jpg": (grey, {}),
        "in_fact.png": (grey.convert("RGB"), {}),
        "in_fact.jpg": (grey.convert("RGB"), {"icc_profile": profile}),
        "clear.png": (tinted, {}),
        "deep.png": (Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), {}),
        "of_256_greys.gif": (grey, {}),
        "palette.png": (grey.convert("P"), {}),
    }


def palettes(photo: Image.Image) -> dict[str, tuple[Image.Image, dict]]:
    few = photo.quantize(65)
    return {
        "opaque.png": (few, {}),
        "clear.png": (few, {"transparency": 3}),
        "still.gif": (few, {}),
        "greys.png": (photo.convert("L").quantize(65), {}),
        "black_and_white.png": (photo.convert("1"), {}),
    }


def saved(folder: Path, files: dict[str, tuple[Image.Image, dict]], name: str) -> Path:
    image, options = files[name]
    image.save(folder / name, **options)
    return folder / name


def coloured(picture: np.ndarray) -> int:
    """Number of pixels that are not grey."""
    return int((np.ptp(picture, axis=2) > 0).sum())


@pytest.mark.usefixtures("no_network")
def test_a_grey_cover_stays_grey(tmp_path, photo, note, hide, back):
    files, container = grey_files(photo), tmp_path / "c.png"
    for name, by in [*product(files, ["sealed"]), ("grey.png", "auto")]:
        cover = saved(tmp_path, files, name)
        hide(cover, note, container, by)
        with Image.open(container) as image:
            assert image.mode == "L", name
        written = read_picture(container)
        assert coloured(written) == 0
        assert np.abs(written.astype(int) - read_picture(cover)).max() == 1
        assert back(container) == DATA


@pytest.mark.usefixtures("no_network")
def test_a_palette_is_refused(tmp_path, photo, note, hide):
    """And told to have no room."""
    files = palettes(photo)
    for name, by in product(files, METHODS.keys() - {"h264"}):  # which hides in films
        out = (tmp_path / "c").with_suffix(METHODS[by].forms[PICTURE][0])
        cover = saved(tmp_path, files, name)
        secret = cover if by == "network" else note
        message = r"has a palette of \d+ colours, and what is hidden would give"
        with pytest.raises(MediaError, match=message) as caught:
            hide(cover, secret, out, by)
        assert "full colours" in caught.value.hint
        assert not out.exists()
    found = file_info(saved(tmp_path, files, "opaque.png"))
    assert (found["fits"], found["sealed_bytes"]) == ([], 0)
    assert found["unfit"].startswith("has a palette of 65 colours")


def test_a_grey_cover_has_a_third_of_the_room(tmp_path, photo, hide):
    cover = saved(tmp_path, grey_files(photo), "grey.png")
    photo.save(tmp_path / "colour.png")
    grey, colour = file_info(cover), file_info(tmp_path / "colour.png")
    assert (grey["grey"], colour["grey"], grey["large_enough_to_hide_pictures"]) == (True, False, False)
    assert all(fit.method != "network" for fit in grey["fits"])
    most = bytes_room(HEIGHT, WIDTH, "s", channels=1)
    assert most + len("s") == grey["sealed_bytes"] < colour["sealed_bytes"] / 3
    (tmp_path / "s").write_bytes(random.Random(1).randbytes(most))
    hide(cover, tmp_path / "s", tmp_path / "c.png")
    assert coloured(read_picture(tmp_path / "c.png")) == 0
    (tmp_path / "s").write_bytes(bytes(most + 1))
    with pytest.raises(CapacityError, match=f"has {most + 1} bytes, and there is room for {most}") as caught:
        hide(cover, tmp_path / "s", tmp_path / "d.png")
    assert "one in colour has three times the room" in caught.value.hint


@pytest.mark.parametrize("channel", ["jpeg:75", pytest.param("jpeg:75+resize:0.5", marks=pytest.mark.slow)])
def test_what_survives_is_grey(tmp_path, note, hide, back, channel):
    cover = tmp_path / "cover.jpg"
    Image.fromarray(skimage.data.astronaut()).convert("L").save(cover)
    for suffix in ("jpg", "png"):
        container = tmp_path / f"c.{suffix}"
        hide(cover, note, container, "robust", survive=channel)
        with Image.open(container) as image:
            assert image.mode == "L"
            image.save(tmp_path / "grey.jpg", quality=75)
            image.convert("RGB").save(tmp_path / "colour.jpg", quality=75)
        for sent in (container.name, "grey.jpg", "colour.jpg"):
            assert back(tmp_path / sent) == DATA, sent


def test_a_profile_for_greys_is_kept(tmp_path, photo, note, hide, back):
    """The cover's samples are, too: converted, they would leave gaps between levels, in which steps show."""
    white = b"XYZ ".ljust(8, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    linear = icc(b"GRAY", {b"wtpt": white, b"kTRC": b"curv" + bytes(8)})
    grey, container = photo.convert("L"), tmp_path / "c.png"
    grey.save(tmp_path / "cover.png", icc_profile=linear)
    hide(tmp_path / "cover.png", note, container)
    with Image.open(container) as image:
        assert (image.mode, image.info["icc_profile"]) == ("L", linear)
        assert np.abs(np.asarray(image).astype(int) - np.asarray(grey)).max() == 1
    assert back(container) == DATA


def film(path: Path, frames: list[np.ndarray]) -> Path:
    with FilmWriter(path, WIDTH, HEIGHT, Fraction(25)) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, Fraction(index, 25))
    return path


@pytest.mark.usefixtures("no_network")
def test_a_grey_film_stays_grey(tmp_path, picture, note, hide, back):
    frames = [np.repeat(picture(HEIGHT, WIDTH, seed)[..., :1], 3, 2) for seed in range(3)]
    cover = film(tmp_path / "cover.mkv", frames)
    assert file_info(cover)["grey"]
    for suffix in ("mkv", "mp4"):
        container = tmp_path / f"c.{suffix}"
        hide(cover, note, container)
        assert [coloured(frame) for frame in read_frames(container)] == [0, 0, 0]
        assert back(container) == DATA
    with pytest.raises(CapacityError, match="the cover is grey"):
        hide(cover, cover, tmp_path / "d.mkv", "network")


def test_a_grey_frame_of_a_film_in_colour_stays_grey(tmp_path, picture, note, hide, back):
    frames = [np.zeros((HEIGHT, WIDTH, 3), np.uint8), picture(HEIGHT, WIDTH, 1), picture(HEIGHT, WIDTH, 2)]
    cover, container = film(tmp_path / "cover.mkv", frames), tmp_path / "c.mkv"
    assert not file_info(cover)["grey"]
    hide(cover, note, container)
    assert [coloured(frame) == 0 for frame in read_frames(container)] == [True, False, False]
    (tmp_path / "s").write_bytes(random.Random(1).randbytes(3 * bytes_room(HEIGHT, WIDTH, "s")))
    hide(cover, tmp_path / "s", container)  # all of its room can be filled
    assert back(container) == (tmp_path / "s").read_bytes()


# One channel


def grey_noise(height: int, width: int) -> np.ndarray:
    """One channel with all levels, the lowest and the highest often."""
    levels = np.random.default_rng(height).integers(-64, 320, (height, width, 1))
    return levels.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(24, 29), (1, 700), (48, 64), (120, 130)], ids=str)
def test_what_is_sealed_is_grey_and_read(key, size):
    covers = grey_noise(*size).repeat(3, 2), np.zeros((*size, 3), np.uint8)
    for (share, effort), grey, cover in product(((0, 1), (0.2, FILM_EFFORT), (1, 1)), (False, True), covers):
        record = random.Random(share).randbytes(int(share * room(*size, channels=1)))
        container, keys = cover.copy(), ContainerKeys(key, bytes(16))
        seal(container, record, keys, bytes(32), texture_costs(cover), SealOptions(True, effort, grey))
        assert coloured(container) == 0
        assert unseal(container, KeyRing(key), first=True) == UnsealedRecord(record, True)


def test_every_altered_sample_is_noticed(key):
    written = sealed(grey_noise(24, 30).repeat(3, 2), b"")[..., :1]
    assert unseal(written.repeat(3, 2), KeyRing(key), first=True) == UnsealedRecord(b"", True)
    for place in range(written.size):
        altered = written.copy()
        altered.flat[place] ^= 1
        assert unseal(altered.repeat(3, 2), KeyRing(key), first=True) in (None, UnsealedRecord(b"", False)), place


def test_salt_samples_change_as_often_as_others(key):
    """They are at public places: within 5 deviations, in 40 containers of a cover whose costs are all equal."""
    cover = np.full((64, 64, 3), 128, np.uint8)
    steps = np.stack([hide_bytes(cover, bytes(40), key)[..., 0].astype(int) - 128 for _ in range(40)]).reshape(40, -1)
    salts = salt_samples(64 * 64)
    everywhere, found = (steps != 0).mean(), (steps[:, salts] != 0).mean()
    assert abs(found - everywhere) < 5 * (everywhere * (1 - everywhere) / (40 * len(salts))) ** 0.5 + 0.04 * everywhere
