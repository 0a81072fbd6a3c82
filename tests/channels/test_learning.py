"""Learning what a channel does from files that were sent and that arrived: sizes, metadata, the encoder, refusals."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from stegnet import MediaError
from stegnet.channels import KnownChannel, learn_channel
from stegnet.channels.jpeg_form import JpegForm, jpeg_of
from stegnet.image.libjpeg import DctMethod, encode_planes

SRGB_PROFILE = ImageCms.createProfile("sRGB")
SRGB = ImageCms.ImageCmsProfile(SRGB_PROFILE).tobytes()


def swapped_profile() -> bytes:
    """A profile whose red and green are swapped, so that it changes colours."""
    data = bytearray(SRGB)
    tags = {bytes(data[at : at + 4]): at + 4 for at in range(132, 132 + 12 * data[131], 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return bytes(data)


def scene(width: int, height: int, grey: bool = False, seed: int = 1) -> Image.Image:
    """A picture whose parts are of different brightness, with some texture, and no colours at the ends."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(50, 206, (4, 5, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    pixels = (smooth + random.normal(0, 8, (height, width, 1))).clip(20, 235).astype(np.uint8)
    made = Image.fromarray(pixels)
    return made.convert("L") if grey else made


def saved(image: Image.Image, path: Path, **how: Any) -> Path:
    image.save(path, **how)
    return path


def app(sent: Path, received: Path, size: tuple[int, int] | None = None, **how: Any) -> Path:
    """An app that saves a picture by Pillow, perhaps reduced."""
    with Image.open(sent) as image:
        shown = image.convert("L" if image.mode == "L" else "RGB")
    return saved(shown.resize(size) if size else shown, received, **{"quality": 80} | how)


def learned(folder: Path, how: dict[str, Any], **sent: Any) -> KnownChannel:
    """What is learned of an app from a picture of its size."""
    before = saved(scene(96, 72), folder / "sent.jpg", **{"quality": 95} | sent)
    return learn_channel([(before, app(before, folder / "received.jpg", **how))])


def sizes(folder: Path, pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> KnownChannel:
    """What is learned from sizes sent and arrived, width and height."""
    files = []
    for number, (before, after) in enumerate(pairs):
        sent = saved(scene(*before), folder / f"sent{number}.png")
        files.append((sent, app(sent, folder / f"received{number}.jpg", after)))
    return learn_channel(files)


@pytest.mark.parametrize("pairs, kept", [
    ([((200, 150), (100, 75)), ((200, 100), (100, 50)), ((100, 200), (50, 100))], {(300, 60): (100, 20)}),
    ([((200, 150), (107, 80)), ((200, 100), (160, 80)), ((100, 200), (80, 160))], {(150, 100): (120, 80)}),
    ([((200, 150), (100, 75))], {(400, 300): (100, 75), (200, 200): None}),  # one tells nothing apart
    ([((200, 150), (100, 75)), ((400, 300), (100, 75))], {(80, 60): (80, 60), (200, 200): None}),
    ([((201, 150), (100, 74)), ((203, 150), (100, 73))], {(400, 299): (100, 74)}),  # sides are rounded down
    ([((201, 149), (100, 75)), ((201, 150), (100, 75))], {(400, 297): (100, 75)}),  # or up
    ([((90, 40), (90, 40)), ((50, 60), (50, 60))], {(200, 200): (50, 50), (300, 60): (90, 18)}),  # none was reduced
])  # fmt: skip
def test_the_rule_by_which_pictures_are_reduced(
    tmp_path: Path,
    pairs: list[tuple[tuple[int, int], tuple[int, int]]],
    kept: dict[tuple[int, int], tuple[int, int] | None],
) -> None:
    """All sizes are width and height; None: the examples leave it open."""
    known = sizes(tmp_path, pairs)
    for (width, height), expected in kept.items():
        if expected is None:
            with pytest.raises(MediaError, match="no picture of its proportions went through the channel"):
                known.kept_size(height, width)
        else:
            assert known.kept_size(height, width) == expected[::-1]


@pytest.mark.parametrize("turns", [True, False])
def test_pictures_that_are_turned_upright(tmp_path: Path, turns: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sent = saved(scene(96, 72), tmp_path / "sent.jpg", exif=exif, quality=95)
    with Image.open(sent) as image:
        pixels = image.convert("RGB")
        shown = pixels.transpose(Image.Transpose.ROTATE_270) if turns else pixels
    known = learn_channel([(sent, saved(shown, tmp_path / "received.jpg", quality=80))])
    assert (known.turns_upright, known.keeps_exif, known.exact) == (turns, False, True)


def test_an_orientation_that_is_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    known = learned(tmp_path, {"exif": exif}, exif=exif)
    assert (known.turns_upright, known.keeps_exif, known.exact) == (False, True, True)


@pytest.mark.parametrize("sent, received, keeps_exif, keeps_profile", [
    ({}, {}, None, None),
    ({"icc_profile": SRGB}, {}, None, False),
    ({"icc_profile": SRGB}, {"icc_profile": SRGB}, None, True),
    ({"icc_profile": b"broken"}, {}, None, False),
    ({"exif": {0x010E: "a lake"}}, {}, False, None),
    ({"exif": {0x010E: "a lake"}}, {"exif": {0x010E: "a lake"}}, True, None),
])  # fmt: skip
def test_metadata(
    tmp_path: Path, sent: dict[str, Any], received: dict[str, Any], keeps_exif: bool | None, keeps_profile: bool | None
) -> None:
    for how in (sent, received):
        if "exif" in how:
            exif = Image.Exif()
            exif.update(how["exif"])
            how["exif"] = exif
    known = learned(tmp_path, received, **sent)
    assert (known.keeps_exif, known.keeps_profile, known.turns_upright) == (keeps_exif, keeps_profile, None)
    assert known.exact


def test_one_picture_that_loses_its_profile_is_enough(tmp_path: Path) -> None:
    pairs = []
    for number, kept in enumerate((SRGB, b"")):
        sent = saved(scene(96, 72, seed=number), tmp_path / f"s{number}.jpg", icc_profile=SRGB)
        pairs.append((sent, app(sent, tmp_path / f"r{number}.jpg", icc_profile=kept)))
    assert learn_channel(pairs).keeps_profile is False


@pytest.mark.parametrize("converts", [True, False])
def test_colours_that_are_converted_to_srgb(tmp_path: Path, converts: bool) -> None:
    """Or not; both are exact."""
    profile = swapped_profile()
    sent = saved(scene(96, 72), tmp_path / "sent.jpg", icc_profile=profile, quality=95)
    with Image.open(sent) as image:
        shown = image.convert("RGB")
    if converts:
        changed = ImageCms.profileToProfile(shown, ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB_PROFILE)
        assert changed is not None
        assert np.abs(np.asarray(changed).astype(int) - np.asarray(shown)).mean() > 10
        shown = changed
    known = learn_channel([(sent, saved(shown, tmp_path / "received.jpg", quality=80))])
    assert (known.exact, known.keeps_profile) == (True, False)


@pytest.mark.parametrize("how, progressive, optimised", [
    ({}, False, False), ({"optimize": True}, False, True), ({"progressive": True}, True, True),
])  # fmt: skip
def test_kinds_of_jpeg(tmp_path: Path, how: dict[str, Any], progressive: bool, optimised: bool) -> None:
    known = learned(tmp_path, how)
    assert (known.progressive, known.optimised, known.dct, known.exact) == (progressive, optimised, "islow", True)


@pytest.mark.parametrize("how, quality, factors", [
    ({"quality": 92, "subsampling": "4:4:4"}, 92, (1, 1)),
    ({"quality": 49, "subsampling": "4:2:2"}, 49, (2, 1)),
    ({"quality": 100, "subsampling": "4:2:0"}, 100, (2, 2)),
    ({"quality": 1}, 1, (2, 2)),
    ({"qtables": [list(range(1, 65)), list(range(2, 66)), list(range(3, 67))]}, None, (2, 2)),
])  # fmt: skip
def test_tables_and_sampling(
    tmp_path: Path, how: dict[str, Any], quality: int | None, factors: tuple[int, int]
) -> None:
    known = learned(tmp_path, how)
    assert (known.form.quality, known.form.sampling, known.exact) == (quality, factors, True)


@pytest.mark.parametrize("dct", ["islow", "ifast", "float"])
@pytest.mark.parametrize("grey", [False, True])
def test_the_encoders_dct(tmp_path: Path, dct: DctMethod, grey: bool) -> None:
    sent = saved(scene(200, 160, grey), tmp_path / "sent.jpg", quality=95)
    with Image.open(sent) as image:
        pixels: NDArray[np.uint8] = np.asarray(image)
    by_pillow = jpeg_of(app(sent, tmp_path / "received.jpg").read_bytes(), "what arrived")
    form = JpegForm.of(by_pillow)
    planes = encode_planes(pixels, [np.array(table) for table in form.steps], form.sampling, dct)
    (tmp_path / "received.jpg").write_bytes(by_pillow.with_planes(planes))
    known = learn_channel([(sent, tmp_path / "received.jpg")])
    assert (known.dct, known.exact, known.form.is_grey) == (dct, True, grey)


def trellis(received: Path, again: Path, of: int, value: int) -> Path:
    """What arrives of a JPEG if an encoder sets one in `of` coefficients of a magnitude to 0."""
    jpeg = jpeg_of(received.read_bytes(), "received")
    luma = jpeg.planes[0].copy()
    places = np.argwhere(np.abs(luma[..., 1:]) == value)[::of]
    assert len(places)
    luma[places[:, 0], places[:, 1], places[:, 2] + 1] = 0
    again.write_bytes(jpeg.with_planes([luma, *jpeg.planes[1:]]))
    return again


@pytest.mark.parametrize("value, gives_up", [(1, True), (3, False)])
def test_coefficients_that_an_encoder_gives_up(tmp_path: Path, value: int, gives_up: bool) -> None:
    sent = saved(scene(200, 160), tmp_path / "sent.jpg", quality=95)
    received = app(sent, tmp_path / "received.jpg")
    known = learn_channel([(received, trellis(received, tmp_path / "again.jpg", 10, value))])
    assert known.exact is False and known.is_ready
    assert known.gives_up_coefficients == gives_up
    assert known.moved_by_size is not None
    shares = [share > 0 for share in known.moved_by_size]
    assert shares == [False, value == 1, False, value == 3]
    if value == 1:
        assert known.moved_by_size[1] == pytest.approx(0.1, abs=0.01)


def test_one_pair_of_a_channel_that_is_not_exact_is_not_enough(tmp_path: Path) -> None:
    sent = saved(scene(200, 160), tmp_path / "sent.jpg", quality=95)
    received = app(sent, tmp_path / "first.jpg")
    known = learn_channel([(sent, trellis(received, tmp_path / "received.jpg", 10, 1))])
    assert (known.exact, known.moved, known.is_ready) == (False, None, False)
    assert "RECEIVED RECEIVED-AGAIN" in known.missing


def test_several_examples_of_which_one_is_not_exact(tmp_path: Path) -> None:
    sent = saved(scene(200, 160), tmp_path / "sent.jpg", quality=95)
    received = app(sent, tmp_path / "received.jpg")
    again = trellis(received, tmp_path / "again.jpg", 500, 1)
    known = learn_channel([(sent, received), (received, again)])
    assert known.exact is False and known.moved and known.examples == 2


def truncated(sent: Path, received: Path) -> None:
    received.write_bytes(app(sent, received).read_bytes()[:-400])


def in_twelve_bits(sent: Path, received: Path) -> None:
    data = bytearray(app(sent, received).read_bytes())
    data[data.index(b"\xff\xc0") + 4] = 12
    received.write_bytes(data)


def in_coarse_steps(sent: Path, received: Path) -> None:
    """Tables of 16 bits, as libjpeg writes at the lowest qualities if it may."""
    data = app(sent, received).read_bytes()
    at = data.index(b"\xff\xdb")
    table = b"\xff\xdb" + (2 + 1 + 128).to_bytes(2, "big") + b"\x10" + (300).to_bytes(2, "big") * 64
    received.write_bytes(data[:at] + table + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :])


def with_a_step_of_zero(sent: Path, received: Path) -> None:
    """A damaged table, from which libjpeg decodes all the same."""
    data = bytearray(app(sent, received).read_bytes())
    data[data.index(b"\xff\xdb") + 5 + 63] = 0
    received.write_bytes(data)


def another_picture(sent: Path, received: Path) -> None:
    saved(scene(96, 72, seed=9), received)


def upside_down(sent: Path, received: Path) -> None:
    saved(scene(96, 72).rotate(180), received)


def larger(sent: Path, received: Path) -> None:
    app(sent, received, (192, 144))


def cropped(sent: Path, received: Path) -> None:
    saved(scene(96, 72).crop((0, 0, 72, 72)), received)


def in_four_colours(sent: Path, received: Path) -> None:
    saved(scene(96, 72).convert("CMYK"), received)


def with_rare_sampling(sent: Path, received: Path) -> None:
    """4:4:0: chroma is halved downwards."""
    data = bytearray(app(sent, received, (96, 72), subsampling="4:2:2").read_bytes())
    at = data.index(b"\xff\xc0")
    assert data[at + 11] == 0x21
    data[at + 11] = 0x12
    received.write_bytes(data)


def of_another_format(sent: Path, received: Path) -> None:
    saved(scene(96, 72), received, format="PNG")


def unchanged(sent: Path, received: Path) -> None:
    received.write_bytes(sent.read_bytes())


def itself(sent: Path, received: Path) -> None:
    received.symlink_to(sent)


REFUSED = {
    truncated: "the JPEG is truncated",
    in_twelve_bits: "has 12 bits a sample, which is not supported",
    in_coarse_steps: "its quantisation tables are of 16 bits",
    with_a_step_of_zero: "a quantisation table of it has a step of 0",
    another_picture: "is not what was sent, whole",
    upside_down: "is not what was sent, whole",
    larger: "is not what was sent, whole",
    cropped: "is not what was sent, whole",
    in_four_colours: "is CMYK, which is not supported",
    with_rare_sampling: "its chroma sampling is a rare one",
    of_another_format: "what arrives is not a JPEG",
    unchanged: "arrived byte for byte as it was sent",
    itself: "is given as SENT and as RECEIVED",
    Path.exists: "no such file",
}


@pytest.mark.parametrize("arrive", REFUSED, ids=lambda arrive: arrive.__name__)
def test_what_arrives_is_refused_in_a_line(tmp_path: Path, arrive: Any) -> None:
    sent, received = saved(scene(96, 72), tmp_path / "sent.jpg", quality=95), tmp_path / "received.jpg"
    if arrive is Path.exists:
        arrive(received)
    else:
        arrive(sent, received)
    with pytest.raises(MediaError) as told:
        learn_channel([(sent, received)])
    assert REFUSED[arrive] in str(told.value) and "\n" not in str(told.value)
    assert told.value.subject == str(received)


@pytest.mark.parametrize("second", [{"quality": 81}, {"subsampling": "4:4:4"}])
def test_pictures_that_were_saved_in_other_ways_are_refused(tmp_path: Path, second: dict[str, Any]) -> None:
    sent = saved(scene(96, 72), tmp_path / "sent.png")
    pairs = [(sent, app(sent, tmp_path / "one.jpg")), (sent, app(sent, tmp_path / "two.jpg", **second))]
    with pytest.raises(MediaError, match=r"two\.jpg: was saved in another way than the first that arrived"):
        learn_channel(pairs)


def test_grey_among_colours_is_refused(tmp_path: Path) -> None:
    pairs = []
    for grey in (False, True):
        sent = saved(scene(96, 72, grey), tmp_path / f"{grey}.png")
        pairs.append((sent, app(sent, tmp_path / f"{grey}.jpg")))
    with pytest.raises(MediaError, match="was saved in another way"):
        learn_channel(pairs)
