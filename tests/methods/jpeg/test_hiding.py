"""The method jpeg: a JPEG stays the JPEG it was, and every byte of the secret comes back."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, ConfigError, MediaError, RevealError, Session
from stegnet.cli.command import main
from stegnet.keys import Identity, Key, Passphrase
from stegnet.media.jpeg import read_jpeg

EXIF = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"


@pytest.fixture
def cover(tmp_path: Path, picture) -> Path:
    Image.fromarray(picture(203, 277)).save(tmp_path / "cover.jpg", quality=90, exif=EXIF, comment=b"by hand")
    with (tmp_path / "cover.jpg").open("ab") as file:
        file.write(b"appended")
    return tmp_path / "cover.jpg"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "s.bin").write_bytes(bytes(range(200)))
    return tmp_path / "s.bin"


def test_all_but_the_coefficients_stays(tmp_path, cover, secret, key):
    report = Session().hide(cover, secret, to=tmp_path / "o.jpg", key=key)
    before, after = cover.read_bytes(), (tmp_path / "o.jpg").read_bytes()
    jpeg, made = read_jpeg(cover), read_jpeg(tmp_path / "o.jpg")
    ((start, end, own),) = {(scan.start, scan.end, made.file.scans[0].end) for scan in jpeg.file.scans}
    assert (after[:start], after[own:]) == (before[:start], before[end:])
    assert abs(len(after) - len(before)) < 0.01 * len(before)
    for index, (plane, other) in enumerate(zip(jpeg.planes, made.planes, strict=True)):
        moved = other.astype(int) - plane
        assert np.abs(moved).max() == (index == 0)
        assert not moved[..., 0].any()
    assert report.hiding.method == "jpeg" and report.hiding.container_psnr > 50
    assert Session().reveal(tmp_path / "o.jpg", key=key).data == secret.read_bytes()


@pytest.mark.slow
def test_keys(tmp_path, cover, secret):
    identity = Identity(bytes(range(32)))
    small = tmp_path / "small.jpg"
    Image.open(cover).crop((0, 0, 137, 121)).save(small, quality=90)
    for hides, opens in (
        (Passphrase("four unlikely words that nobody says 52"), None),
        (identity.recipient, identity),
        (Key(bytes(32)), None),
    ):
        Session().hide(small, secret, to=tmp_path / "o.jpg", key=hides, overwrite=True)
        assert Session().reveal(tmp_path / "o.jpg", key=opens or hides).data == secret.read_bytes()
        with pytest.raises(RevealError, match="nothing can be revealed"):
            Session().reveal(tmp_path / "o.jpg", key=Key(bytes(range(32))))


def test_containers_of_one_cover_differ_at_other_places(tmp_path, cover, secret, key):
    made = []
    for name in "ab":
        Session().hide(cover, secret, to=tmp_path / f"{name}.jpg", key=key)
        made.append(read_jpeg(tmp_path / f"{name}.jpg").planes[0] != read_jpeg(cover).planes[0])
    both, each = (made[0] & made[1]).sum(), min(part.sum() for part in made)
    assert each > 300 and both < each / 2


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_any_cover_becomes_a_jpeg(tmp_path, picture, secret, key, mode):
    Image.fromarray(picture(96, 128)).convert(mode).save(tmp_path / "a.png")
    report = Session().hide(tmp_path / "a.png", secret, to=tmp_path / "o.jpg", key=key)
    assert "the cover was saved as JPEG of quality 95" in report.notes
    with Image.open(tmp_path / "o.jpg") as image:
        assert image.mode == mode
    assert Session().reveal(tmp_path / "o.jpg", key=key).data == secret.read_bytes()


def test_exif_that_a_jpeg_has_no_room_for_is_left_out(tmp_path, picture, secret, key):
    exif = Image.Exif()
    exif[0x010F] = "x" * (1 << 16)
    Image.fromarray(picture(96, 128)).save(tmp_path / "a.png", exif=exif)
    report = Session().hide(tmp_path / "a.png", secret, to=tmp_path / "o.jpg", key=key)
    assert "cover: EXIF is left out" in report.notes


def test_a_cover_is_reduced_first(tmp_path, cover, secret, key):
    """What it was saved as before no longer shows; EXIF stays, but for how to turn it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    Image.open(cover).save(cover, quality=90, exif=exif)
    for name, size in (("o.jpg", (117, 160)), ("o.png", (117, 160))):
        report = Session().hide(cover, secret, to=tmp_path / name, key=key, resize=160)
        with Image.open(tmp_path / name) as image:
            assert (image.size, dict(image.getexif())) == (size, {0x010F: "Maker"} if name == "o.jpg" else {})
        assert not report.warnings
        assert Session().reveal(tmp_path / name, key=key).data == secret.read_bytes()
    with pytest.raises(ConfigError, match="resize: must be less than the cover's longer side, 277 pixels, is 277"):
        Session().hide(cover, secret, to=tmp_path / "p.jpg", key=key, resize=277)


def test_where_every_step_shows_the_cover_is_saved_first(tmp_path, picture, secret, key):
    for quality, said in ((98, False), (99, True), (100, True)):
        Image.fromarray(picture(96, 128)).save(tmp_path / "a.jpg", quality=quality)
        report = Session().hide(tmp_path / "a.jpg", secret, to=tmp_path / "o.jpg", key=key, overwrite=True)
        assert any("quality 99 or 100" in note for note in report.notes) == said
        assert (read_jpeg(tmp_path / "o.jpg").steps(0).max() > 8) == said


def test_a_picture_is_made_to_fit(tmp_path, cover, picture, key):
    Image.fromarray(picture(120, 160, 3)).save(tmp_path / "p.png")
    report = Session().hide(cover, tmp_path / "p.png", to=tmp_path / "o.jpg", key=key)
    assert not report.unchanged
    back = Session().reveal(tmp_path / "o.jpg", key=key, to=tmp_path / "back.png")
    assert back.path == tmp_path / "back.png"
    with Image.open(tmp_path / "back.png") as image:
        assert image.size == (160, 120)


@pytest.mark.slow
def test_what_was_changed_is_told(tmp_path, cover, secret, key):
    Session().hide(cover, secret, to=tmp_path / "o.jpg", key=key)
    jpeg = read_jpeg(tmp_path / "o.jpg")
    luma, *chroma = (plane.copy() for plane in jpeg.planes)
    chroma[0][0, 0, 0] += 1
    (tmp_path / "o.jpg").write_bytes(jpeg.with_planes([luma, *chroma]))
    assert Session().info(tmp_path / "o.jpg", key=key)["whole"] is False
    with pytest.raises(RevealError, match="altered"):
        Session().reveal(tmp_path / "o.jpg", key=key, strict=True)
    Image.open(cover).save(tmp_path / "again.jpg", quality=90)
    with pytest.raises(RevealError, match="nothing"):
        Session().reveal(tmp_path / "again.jpg", key=key)


def test_refusals_leave_no_file(tmp_path, cover, secret, picture, key):
    hide = Session().hide
    (tmp_path / "large.bin").write_bytes(random.Random(0).randbytes(1 << 20))
    Image.fromarray(picture(9, 9)).save(tmp_path / "small.jpg")
    Image.fromarray(picture(64, 64)).convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.fromarray(picture(64, 64)).quantize(16).save(tmp_path / "palette.png")
    for name, what, error, message, more in (
        ("cover.jpg", "large.bin", CapacityError, "has 1048576 bytes, and there is room for", {}),
        ("small.jpg", "s.bin", CapacityError, "there is room for 0", {}),
        ("cmyk.jpg", "s.bin", MediaError, "CMYK", {}),
        ("palette.png", "s.bin", MediaError, "palette", {}),
        ("cover.jpg", "s.bin", ConfigError, "quality: must be from 50 to 98, is 99", {"quality": 99}),
    ):
        with pytest.raises(error, match=message):
            hide(tmp_path / name, tmp_path / what, to=tmp_path / "o.jpg", key=key, method="jpeg", **more)
        assert not (tmp_path / "o.jpg").exists()


def test_a_cover_that_gives_its_container_away_is_told_first(tmp_path, cover, secret, key, monkeypatch):
    """Before the work begins, by the API and on the command line, and once."""
    with pytest.warns(UserWarning, match="the cover is a JPEG: anyone can tell"):
        Session().hide(cover, secret, to=tmp_path / "o.png", key=key)
    told = []
    monkeypatch.setattr("stegnet.cli.messages.warning", told.append)
    monkeypatch.setattr(
        "stegnet.methods.sealed.embed._embed", lambda *_: pytest.fail("too late") if not told else 1 / 0
    )
    monkeypatch.chdir(tmp_path)
    main(["keygen", "k"])
    with pytest.raises(ZeroDivisionError):
        main(["hide", "cover.jpg", "s.bin", "--key-file", "k", "-o", "p.png"])
    assert [line.split(":")[0] for line in told] == ["the cover is a JPEG"]


def test_in_a_folder_odd_files_are_hidden_in_and_damaged_ones_named(tmp_path, picture, secret, monkeypatch, capfd):
    """Nothing of libjpeg's own messages is printed."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Image.fromarray(picture(203, 277)).save("in/plain.jpg", quality=90)
    data, before = Path("in/plain.jpg").read_bytes(), b"\xff\xdb"
    files = {
        "zeros": data[:-2] + bytes(32) + data[-2:],
        "junk": data.replace(before, b"junk" + before, 1),
        "half": data[: len(data) // 2] + data[-2:],
        "cut": data[: len(data) // 2],
    }
    for name, content in files.items():
        Path(f"in/{name}.jpg").write_bytes(content)
    assert main(["keygen", "k"]) == 0
    assert main(["hide", "in", "s.bin", "-o", "out", "--key-file", "k"]) == 1
    assert main(["reveal", "out", "-o", "back", "--key-file", "k"]) == 0
    said = [line.split(":")[0] for line in capfd.readouterr().err.splitlines()]
    assert set(said) <= {"error", "hint", "note", "warning"}
    assert sorted(path.stem for path in Path("back").iterdir()) == ["half", "junk", "plain", "zeros"]
    assert {path.read_bytes() for path in Path("back").iterdir()} == {secret.read_bytes()}
