"""What arrives through real programs, learned from pictures that they saved: it is revealed exactly, or refused.

At night, all programs are asked with all their settings, and more photographs; at a landing, one of each family.
"""

from pathlib import Path

import numpy as np
import pytest

from stegnet import Key, MediaError, RevealError, Session, StegnetError
from stegnet.channels import KnownChannel, learn_channel
from stegnet.channels.jpeg_form import JpegForm
from tests.support.jpegs import read_jpeg
from tests.support.phone_photographs import Shot, covers, upright
from tests.support.real_channels import AT_LANDING, CHANNELS, Channel
from tests.support.settings import NIGHT

SIDE = 640  # pixels that the channels reduce larger pictures to
SIZES = (20, 1000, 5000)  # bytes of secrets
INEXACT = {"mozjpeg80", "mozjpeg70", "ff4", "ff2"}  # trellis quantisation, or rounding of its own
EXACT, OTHERS = (
    [name if name in AT_LANDING else pytest.param(name, marks=pytest.mark.night) for name in names]
    for names in ([name for name in CHANNELS if name not in INEXACT], [name for name in CHANNELS if name in INEXACT])
)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of a phone, of all orientations and samplings; the seventh is grey."""
    return covers(tmp_path_factory.mktemp("photographs"), 20 if NIGHT else 7, 1200)


def learned(channel: Channel, photographs: list[Path], folder: Path) -> KnownChannel:
    """Learns a channel from a picture of each size, which it reduces, and the first, sent again; writes its file."""
    pairs: dict[tuple[int, int], tuple[Path, Path]] = {}
    for number, sent in enumerate(photographs):
        size = upright(sent).size
        if size not in pairs and JpegForm.of(read_jpeg(sent)).sampling == (2, 2):  # which some programs keep
            received = folder / f"received{number}.jpg"
            channel(sent, received, SIDE)
            pairs[size] = sent, received
    (_, received), *_ = pairs.values()
    again = folder / "again.jpg"
    channel(received, again, SIDE)
    known = learn_channel([*pairs.values(), (received, again)])
    (folder / "app.channel").write_text(known.text(), encoding="utf-8")
    return known


@pytest.mark.parametrize("name", EXACT)
def test_what_arrives_is_revealed_or_refused(
    real_channels: dict[str, Channel], photographs: list[Path], tmp_path: Path, key: Key, name: str
) -> None:
    """A grey photograph needs a channel of its own."""
    channel = real_channels[name]
    known = learned(channel, photographs, tmp_path)
    assert known.exact
    assert known.reduces and {max(arrived) for sent, arrived in known.sizes if sent != arrived} == {SIDE}
    random = np.random.default_rng(1)
    refused = []
    for number, cover in enumerate(photographs):
        secret = random.bytes(SIZES[number % len(SIZES)])
        sent, arrived = tmp_path / f"sent{number}.jpg", tmp_path / "arrived.jpg"
        try:
            Session().hide(cover, secret, to=sent, key=key, survive=tmp_path / "app.channel")
        except StegnetError as error:
            assert not sent.exists()
            refused.append(f"{cover.name}: {len(secret)} bytes: {error}")
            continue
        channel(sent, arrived, SIDE)
        assert Session().reveal(arrived, key=key).data == secret, cover.name
    reasons = "is grey", "more than the capacity", "controls too little"  # of pictures as small as these
    assert all(any(reason in line for reason in reasons) for line in refused), refused
    assert not [line for line in refused if ": 20 bytes" in line and "is grey" not in line]
    assert len(refused) < len(photographs), refused


@pytest.mark.parametrize("name", OTHERS)
def test_what_cannot_be_computed_is_refused(
    real_channels: dict[str, Channel], photographs: list[Path], tmp_path: Path, name: str
) -> None:
    with pytest.raises(MediaError, match=r"again\.jpg: what arrives can't be computed to the bit"):
        learned(real_channels[name], photographs, tmp_path)


@pytest.mark.night
def test_twelve_megapixels_through_a_browser(real_channels: dict[str, Channel], tmp_path: Path, key: Key) -> None:
    channel = real_channels["chromium80"]
    photograph = Shot(4000, 3000, orientation=6, seed=3).save(tmp_path / "photograph.jpg")
    learned(channel, [photograph], tmp_path)
    told = Session().hide(photograph, b"hello", to=tmp_path / "s.jpg", key=key, survive=tmp_path / "app.channel")
    assert (told.width, told.height) == (480, 640)
    channel(tmp_path / "s.jpg", tmp_path / "r.jpg", SIDE)
    assert Session().reveal(tmp_path / "r.jpg", key=key, strict=True).data == b"hello"


@pytest.mark.parametrize(
    "others", [("sharp75-444", "vips75", "chromium92"), pytest.param(("firefox92",), marks=pytest.mark.night)]
)
def test_through_another_program_nothing_is_revealed(
    real_channels: dict[str, Channel], tmp_path: Path, photographs: list[Path], key: Key, others: tuple[str, ...]
) -> None:
    """Never wrong bytes."""
    learned(real_channels["sharp80"], photographs[:2], tmp_path)
    Session().hide(photographs[1], b"hello", to=tmp_path / "s.jpg", key=key, survive=tmp_path / "app.channel")
    for other in others:
        real_channels[other](tmp_path / "s.jpg", tmp_path / "r.jpg", SIDE)
        with pytest.raises(RevealError):
            Session().reveal(tmp_path / "r.jpg", key=key)
