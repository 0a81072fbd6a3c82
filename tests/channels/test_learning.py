"""Learning what a channel does from files that were sent and that arrived: of many apps, and refusals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stegnet import MediaError
from stegnet.channels import learn_channel
from stegnet.channels.jpeg_form import jpeg_of
from tests.support.apps import SRGB, App, in_wide_steps, saved, scene, swapped_profile, with_byte
from tests.support.stills import exif_of

APP = App()
TABLES = [list(range(1, 65)), list(range(2, 66)), list(range(3, 67))]


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("app, learned", [
    (App(), {"progressive": False, "optimised": False, "dct": "islow"}),
    (App({"optimize": True}), {"progressive": False, "optimised": True}),
    (App({"progressive": True}), {"progressive": True, "optimised": True}),
    (App({"quality": 92, "subsampling": "4:4:4"}), {"quality": 92, "sampling": (1, 1)}),
    (App({"quality": 49, "subsampling": "4:2:2"}), {"quality": 49, "sampling": (2, 1)}),
    (App({"quality": 100, "subsampling": "4:2:0"}), {"quality": 100, "sampling": (2, 2)}),
    (App({"quality": 1}), {"quality": 1, "sampling": (2, 2)}),
    (App({"qtables": TABLES}), {"quality": None, "sampling": (2, 2)}),
    (App(dct="ifast"), {"dct": "ifast"}),
    (App(dct="float"), {"dct": "float"}),
])  # fmt: skip
def test_how_an_app_encodes(tmp_path: Path, grey: bool, app: App, learned: dict[str, Any]) -> None:
    sent = saved(scene(200, 160, grey), tmp_path / "sent.jpg", quality=95)
    known = learn_channel([(sent, app(sent, tmp_path / "received.jpg"))])
    found = vars(known) | {"quality": known.form.quality, "sampling": known.form.sampling}
    wanted = {"form": known.form, **learned} | ({"sampling": (1, 1)} if grey else {})
    assert (known.exact, known.form.is_grey) == (True, grey)
    assert {name: found[name] for name in wanted} == wanted


UPRIGHT: dict[str, Any] = {}
ON_ITS_SIDE, LAKE = {"exif": exif_of(x112=6)}, {"exif": exif_of(x10E="a lake")}


@pytest.mark.parametrize("app, sent, turns, exif, profile", [
    (APP, UPRIGHT, None, None, None),
    (APP, ON_ITS_SIDE, True, False, None),
    (App(turns=False), ON_ITS_SIDE, False, False, None),
    (App(turns=False, keeps=("exif",)), ON_ITS_SIDE, False, True, None),
    (APP, LAKE, None, False, None),
    (App(keeps=("exif",)), LAKE, None, True, None),
    (APP, {"icc_profile": SRGB}, None, None, False),
    (App(keeps=("icc_profile",)), {"icc_profile": SRGB}, None, None, True),
    (APP, {"icc_profile": b"broken"}, None, None, False),
    (APP, {"icc_profile": swapped_profile()}, None, None, False),
    (App(converts=True), {"icc_profile": swapped_profile()}, None, None, False),
])  # fmt: skip
def test_what_an_app_does_to_metadata(
    tmp_path: Path, app: App, sent: dict[str, Any], turns: bool | None, exif: bool | None, profile: bool | None
) -> None:
    """None: the picture does not tell. Whether colours are converted or not, what arrives is exact."""
    before = saved(scene(96, 72), tmp_path / "sent.jpg", quality=95, **sent)
    known = learn_channel([(before, app(before, tmp_path / "received.jpg"))])
    assert (known.turns_upright, known.keeps_exif, known.keeps_profile, known.exact) == (turns, exif, profile, True)


def test_one_picture_that_loses_its_profile_is_enough(tmp_path: Path) -> None:
    pairs = []
    for number, app in enumerate((App(keeps=("icc_profile",)), APP)):
        sent = saved(scene(96, 72, seed=number), tmp_path / f"s{number}.jpg", icc_profile=SRGB)
        pairs.append((sent, app(sent, tmp_path / f"r{number}.jpg")))
    assert learn_channel(pairs).keeps_profile is False


def trellis(received: Path, again: Path, of: int, value: int) -> Path:
    """What arrives of a JPEG if an encoder sets one in `of` coefficients of a magnitude to 0."""
    jpeg = jpeg_of(received.read_bytes(), "received")
    luma = jpeg.planes[0].copy()
    places = np.argwhere(np.abs(luma[..., 1:]) == value)[::of]
    assert len(places)
    luma[places[:, 0], places[:, 1], places[:, 2] + 1] = 0
    again.write_bytes(jpeg.with_planes([luma, *jpeg.planes[1:]]))
    return again


def test_a_channel_that_cannot_be_computed_is_refused(tmp_path: Path) -> None:
    """Even if it is another pair that shows it; the hint says what to use."""
    sent = saved(scene(200, 160), tmp_path / "sent.jpg", quality=95)
    received = APP(sent, tmp_path / "received.jpg")
    again = trellis(received, tmp_path / "again.jpg", 500, 1)
    for pairs in ([(received, again)], [(sent, received), (received, again)]):
        with pytest.raises(MediaError, match=r"again\.jpg: what arrives can't be computed to the bit") as told:
            learn_channel(pairs)
        assert 'use `survive="messenger"`' in told.value.hint


def test_whether_it_can_be_computed_is_not_known_of_reduced_pictures(tmp_path: Path) -> None:
    sent = saved(scene(200, 160), tmp_path / "sent.jpg", quality=95)
    known = learn_channel([(sent, App(side=100)(sent, tmp_path / "received.jpg"))])
    assert not known.exact and "RECEIVED RECEIVED-AGAIN" in known.missing


NOT_WHOLE = "is not what was sent, whole"
ARRIVALS: dict[str, tuple[Callable[[Path, Path], Any], str]] = {
    "truncated": (App(change=lambda data: data[:-400]), "the JPEG is truncated"),
    "in twelve bits": (App(change=with_byte(b"\xff\xc0", 4, 12)), "has 12 bits a sample, which is not supported"),
    "in coarse steps": (App(change=in_wide_steps), "its quantisation tables are of 16 bits"),
    "a step of 0": (App(change=with_byte(b"\xff\xdb", 68, 0)), "a quantisation table of it has a step of 0"),
    "in 4:4:0": (App({"subsampling": "4:2:2"}, change=with_byte(b"\xff\xc0", 11, 0x12)), "sampling is a rare one"),
    "upside down": (lambda sent, received: saved(scene(96, 72).rotate(180), received), NOT_WHOLE),
    "larger": (lambda sent, received: saved(scene(96, 72).resize((192, 144)), received), NOT_WHOLE),
    "cropped": (lambda sent, received: saved(scene(96, 72).crop((0, 0, 72, 72)), received), NOT_WHOLE),
    "in four colours": (lambda sent, received: saved(scene(96, 72).convert("CMYK"), received), "is CMYK, which is not"),
    "unchanged": (
        lambda sent, received: received.write_bytes(sent.read_bytes()),
        "arrived byte for byte as it was sent",
    ),
}


@pytest.mark.parametrize("name", ARRIVALS)
def test_what_arrives_is_refused_in_a_line(tmp_path: Path, name: str) -> None:
    """tests/transcripts/known-channels.txt has those that are no JPEG, or missing."""
    sent, received = saved(scene(96, 72), tmp_path / "sent.jpg", quality=95), tmp_path / "received.jpg"
    arrive, problem = ARRIVALS[name]
    arrive(sent, received)
    with pytest.raises(MediaError) as told:
        learn_channel([(sent, received)])
    assert problem in str(told.value) and "\n" not in str(told.value)
    assert told.value.subject == str(received)


@pytest.mark.parametrize("how, grey", [({"quality": 81}, False), ({"subsampling": "4:4:4"}, False), ({}, True)])
def test_pictures_that_were_saved_in_other_ways_are_refused(tmp_path: Path, how: dict[str, Any], grey: bool) -> None:
    one, two = (saved(scene(96, 72, of), tmp_path / f"{n}.png") for n, of in enumerate((False, grey)))
    pairs = [(one, APP(one, tmp_path / "one.jpg")), (two, App(how)(two, tmp_path / "two.jpg"))]
    with pytest.raises(MediaError, match=r"two\.jpg: was saved in another way than the first that arrived"):
        learn_channel(pairs)
