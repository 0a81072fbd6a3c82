"""stegnet as a library."""

import ast
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.core.measures import psnr
from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png
from tests.support.tampering import altered, unreadable

NAMES = {
    "CapacityError",
    "ClusterError",
    "ConfigError",
    "DataError",
    "Key",
    "KeyFileError",
    "LoadedPair",
    "MediaError",
    "PackageError",
    "Passphrase",
    "Report",
    "RevealError",
    "Revealed",
    "StegnetError",
    "TrackingError",
    "TrainingError",
    "WeightsError",
    "load",
    "make_key_file",
    "read_key",
    "Identity",
    "Recipient",
    "make_identity_file",
    "read_identity",
    "read_recipient",
}


@pytest.fixture(scope="module")
def pair(weights) -> stegnet.LoadedPair:
    return stegnet.load(weights, device="cpu", precision="fp32")


@pytest.fixture(autouse=True)
def inputs(tmp_path, monkeypatch, any_quality, picture, make_film):
    monkeypatch.chdir(tmp_path)
    write_png(Path("cover.png"), picture(64, 96, 1))
    write_png(Path("secret.png"), picture(40, 50, 2))
    make_film(Path("cover.mkv"), 6)
    make_film(Path("secret.mkv"), 4, 40, 48, seed=9)
    Path("notes.txt").write_text("a note")


def test_type_checkers_see_the_public_names():
    stub = ast.parse(Path(stegnet.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.asname: node.module for node in imports for alias in node.names}
    assert homes == {name: home for home, names in stegnet._HOMES.items() for name in names}
    assert homes.keys() == NAMES


def test_public_names():
    assert set(stegnet.__all__) == NAMES
    assert set(dir(stegnet)) >= NAMES
    assert all(getattr(stegnet, name) is not None for name in NAMES)
    with pytest.raises(AttributeError, match="no attribute 'hide'"):
        _ = stegnet.hide


def test_every_error_is_public():
    from stegnet.core import errors

    kinds = {name: thing for name, thing in vars(errors).items() if isinstance(thing, type)}
    assert {name for name, kind in kinds.items() if issubclass(kind, Exception)} <= NAMES


def test_nothing_is_imported_before_it_is_used():
    code = "import sys, stegnet; sys.exit(bool({'torch', 'numpy', 'stegnet.codec'} & set(sys.modules)))"
    path = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}
    assert subprocess.run([sys.executable, "-c", code], env=path, check=False).returncode == 0


def test_pictures(pair, picture):
    key = stegnet.Key(bytes(32))
    cover, secret = picture(61, 97, 1), picture(30, 40, 2)
    before = cover.copy()
    container = pair.hide(cover, secret, key)
    assert (container.shape, container.dtype) == (cover.shape, np.uint8)
    np.testing.assert_array_equal(cover, before)
    revealed = pair.reveal(container, key)
    assert (revealed.picture.shape, revealed.picture.dtype, revealed.whole) == ((30, 40, 3), np.uint8, True)
    assert not pair.reveal(altered(container, bytes(32)), key).whole
    with pytest.raises(stegnet.RevealError):
        pair.reveal(unreadable(container), key)
    with pytest.raises(stegnet.RevealError):
        pair.reveal(cover, key)


def test_what_one_backend_hides_the_other_reveals(picture):
    ours, theirs = (stegnet.load(backend=name, device="cpu", precision="fp32") for name in ("torch", "onnx"))
    key, cover, secret = stegnet.Key(bytes(32)), picture(64, 96, 1), picture(64, 96, 2)
    assert ours.weights == theirs.weights
    for hider, reader in ((ours, theirs), (theirs, ours)):
        container = hider.hide(cover, secret, key)
        apart = reader.reveal(container, key).picture.astype(int) - hider.reveal(container, key).picture
        assert np.abs(apart).max() <= 1
    with pytest.raises(stegnet.ConfigError, match="backend: must be one of"):
        stegnet.load(backend="abacus")


def test_views_of_arrays(pair, picture):
    """Turned, cut and read-only arrays are pictures as well."""
    key, large = stegnet.Passphrase("six odd words last far longer"), picture(130, 200, 1)
    large.flags.writeable = False
    cover, secret = large[::2, ::-2], np.asfortranarray(picture(30, 40, 2))
    container = pair.hide(cover, secret, key)
    turned = np.asfortranarray(container)
    np.testing.assert_array_equal(pair.reveal(turned, key).picture, pair.reveal(container, key).picture)


def test_a_secret_that_comes_back_poorly(pair, picture, monkeypatch):
    """The tiny network gives no more than the block means."""
    monkeypatch.setattr("stegnet.methods.network.quality.LEAST", 22.0)
    monkeypatch.setattr("stegnet.methods.network.quality.POOR", 30.0)
    key, cover = stegnet.Key(bytes(32)), picture(64, 96, 1)
    grey, noise = np.full((64, 96, 3), 99, np.uint8), np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    pair.hide(cover, grey, key)
    with pytest.raises(stegnet.CapacityError, match=r"would be revealed at \d+\.\d dB"):
        pair.hide(cover, noise, key)
    monkeypatch.setattr("stegnet.methods.network.quality.LEAST", 5.0)
    with pytest.warns(UserWarning, match=r"is revealed at only \d+\.\d dB PSNR"):
        pair.hide(cover, noise, key)
    monkeypatch.setattr("stegnet.methods.network.quality.LEAST", 22.0)
    pair.hide(cover, noise, key, force=True)
    write_png(Path("noise.png"), noise)
    with pytest.raises(stegnet.CapacityError):
        pair.hide_file("cover.png", "noise.png", "c.png", key, method="network")
    assert not Path("c.png").exists()
    report = pair.hide_file("cover.png", "noise.png", "c.png", key, method="network", force=True)
    pair.reveal_file("c.png", "s.png", key)
    assert report.secret_psnr == pytest.approx(psnr(noise, read_picture(Path("s.png"))))
    assert len(report.warnings) == 1


def test_a_weak_passphrase_is_warned_of_when_hiding(pair, picture):
    key, cover = stegnet.Passphrase("password1"), picture(64, 96, 1)
    with pytest.warns(UserWarning, match="the passphrase is weak: a thousand processor cores guess it in "):
        container = pair.hide(cover, cover, key)
    Path("note").write_text("n")
    for method, secret in (("network", "secret.png"), ("sealed", "note"), ("auto", "note")):
        with pytest.warns(UserWarning, match="is weak"):
            pair.hide_file("cover.png", secret, "c.png", key, method=method, force=True)
    pair.reveal(container, key)
    pair.reveal_file("c.png", "back", key)


WRONG = [
    (np.zeros((64, 96), np.uint8), r"cover: must be \(H, W, 3\) uint8, is \(64, 96\) uint8"),
    (np.zeros((64, 96, 4), np.uint8), r"is \(64, 96, 4\) uint8"),
    (np.zeros((1, 64, 96, 3), np.uint8), r"is \(1, 64, 96, 3\) uint8"),
    (np.zeros((64, 96, 3)), r"is \(64, 96, 3\) float64"),
    (np.zeros((0, 96, 3), np.uint8), r"is \(0, 96, 3\) uint8"),
]


@pytest.mark.parametrize(("array", "message"), WRONG)
def test_arrays_that_are_no_pictures(pair, picture, array, message):
    key = stegnet.Key(bytes(32))
    with pytest.raises(ValueError, match=message):
        pair.hide(array, picture(8, 8), key)
    with pytest.raises(ValueError, match="secret: must be"):
        pair.hide(picture(64, 96), array, key)
    with pytest.raises(ValueError, match="container: must be"):
        pair.reveal(array, key)


def test_arguments_of_other_kinds(pair, picture):
    with pytest.raises(TypeError, match=r"cover: must be a numpy array \(H, W, 3\) uint8, is list"):
        pair.hide([[0]], picture(8, 8), stegnet.Key(bytes(32)))
    for last, call in (
        ("Recipient", lambda: pair.hide(picture(64, 96), picture(8, 8), "open sesame")),
        ("Identity", lambda: pair.reveal(picture(64, 96), "open sesame")),
        ("Recipient", lambda: pair.hide_file("cover.png", "secret.png", "c.png", "open sesame")),
        ("Recipient", lambda: pair.hide_file("cover.png", "secret.png", "c.png", "open sesame", method="sealed")),
        ("Identity", lambda: pair.reveal_file("cover.png", "s.png", "open sesame")),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == f"key: must be a stegnet.Key, a stegnet.Passphrase or a stegnet.{last}, is str"


def test_recipients(pair, picture):
    recipient = stegnet.make_identity_file("id")
    container = pair.hide(picture(64, 96), picture(8, 8), recipient)
    identity = stegnet.read_identity("id")
    assert pair.reveal(container, identity).whole
    with pytest.raises(TypeError, match="Identity, is Recipient"):
        pair.reveal(container, recipient)
    with pytest.raises(TypeError, match="Recipient, is Identity"):
        pair.hide(picture(64, 96), picture(8, 8), identity)
    with pytest.raises(stegnet.KeyFileError, match="nothing can be hidden that survives"):
        pair.hide_file("cover.png", "secret.png", "c.jpg", stegnet.read_recipient(str(recipient)))


@pytest.mark.parametrize("kind", [str, Path])
def test_films(pair, kind):
    key, calls = stegnet.Key(bytes(32)), []
    report = pair.hide_film(
        kind("cover.mkv"), kind("secret.mkv"), kind("c.mp4"), key, progress=lambda *call: calls.append(call)
    )
    assert (report.frames, report.hidden) == (6, 4)
    assert calls[0] == ("hide", 1, 6)
    assert calls[-1] == ("verify", 6, 6)
    report = pair.reveal_film(kind("c.mp4"), kind("s.mkv"), key)
    assert (report.frames, report.trouble) == (4, ())
    assert len(scan(Path("s.mkv")).pts) == 4
    with pytest.raises(stegnet.MediaError, match="exists already"):
        pair.hide_film("cover.mkv", "secret.mkv", "c.mp4", key)
    assert pair.hide_film("cover.mkv", "secret.mkv", "c.mp4", key, force=True, verify=False).frames == 6
    with pytest.raises(stegnet.CapacityError, match="the secret has 6 frames"):
        pair.hide_film("secret.mkv", "cover.mkv", "d.mkv", key)


def test_a_film_is_wanted(pair):
    key = stegnet.Key(bytes(32))
    with pytest.raises(stegnet.MediaError, match=r"cover\.png: is a picture, not a film"):
        pair.hide_film("cover.png", "secret.png", "c.png", key)
    with pytest.raises(stegnet.MediaError, match=r"cover\.png: is a picture, not a film"):
        pair.reveal_film("cover.png", "c.png", key)


def test_files(pair):
    key = stegnet.Key(bytes(32))
    pair.hide_file("cover.png", "secret.png", "c.png", key, method="network")
    pair.reveal_file("c.png", "s.png", key, strict=True)
    assert read_picture(Path("s.png")).shape == (40, 50, 3)
    pair.hide_file("cover.mkv", "notes.txt", "f.mkv", key, method="sealed")
    pair.reveal_file("f.mkv", "back.txt", key)
    assert Path("back.txt").read_text() == "a note"
    with pytest.raises(ValueError, match="compress does not go with network"):
        pair.hide_file("cover.png", "secret.png", "d.png", key, method="network", compress=True)
    with pytest.raises(ValueError, match="method: must be auto, sealed, network or robust, is 'best'"):
        pair.hide_file("cover.png", "secret.png", "d.png", key, method="best")


def test_files_by_themselves(pair):
    """What fits is sealed byte for byte."""
    key = stegnet.Key(bytes(32))
    for cover, secret, out in (("cover.png", "notes.txt", "c.png"), ("cover.mkv", "notes.txt", "c.mkv")):
        report = pair.hide_file(cover, secret, out, key)
        assert (report.hiding.method, report.unchanged) == ("sealed", True)
        pair.reveal_file(out, "back.txt", key, strict=True, force=True)
        assert Path("back.txt").read_bytes() == Path(secret).read_bytes()


def test_files_that_survive_jpeg(pair, picture):
    key = stegnet.Key(bytes(32))
    write_png(Path("photo.png"), picture(136, 200, 3))
    report = pair.hide_file("photo.png", "notes.txt", "c.jpg", key, survive="jpeg:90")
    assert "survives JPEG 90 and better" in report.notes[0]
    with Image.open("c.jpg") as image:
        assert image.format == "JPEG"
        image.save("shared.jpg", quality=90)
    pair.reveal_file("shared.jpg", "back.txt", key)
    assert Path("back.txt").read_text() == "a note"
    for method in ("sealed", "network"):
        with pytest.raises(ValueError, match="survive and container_psnr go with robust"):
            pair.hide_file("photo.png", "notes.txt", "d.png", key, method=method, survive="jpeg:90")


def test_nothing_is_overwritten_unasked(pair):
    key = stegnet.Key(bytes(32))
    pair.hide_file("cover.png", "secret.png", "c.png", key, method="network")
    pair.hide_film("cover.mkv", "secret.mkv", "c.mkv", key)
    calls = [
        ("old.png", lambda **how: pair.hide_file("cover.png", "secret.png", "old.png", key, **how)),
        ("old.png", lambda **how: pair.hide_file("cover.png", "notes.txt", "old.png", key, method="sealed", **how)),
        ("old.png", lambda **how: pair.reveal_file("c.png", "old.png", key, **how)),
        ("old.mkv", lambda **how: pair.hide_film("cover.mkv", "secret.mkv", "old.mkv", key, **how)),
        ("old.mkv", lambda **how: pair.reveal_film("c.mkv", "old.mkv", key, **how)),
    ]
    for name, call in calls:
        Path(name).write_text("old")
        with pytest.raises(stegnet.MediaError, match=f"{name}: exists already"):
            call()
        assert Path(name).read_text() == "old"
        call(force=True)
        assert Path(name).read_bytes() != b"old"


def test_a_strict_reader_takes_nothing_that_was_altered(pair):
    key = stegnet.Key(bytes(32))
    pair.hide_file("cover.png", "secret.png", "c.png", key, method="network")
    pair.hide_film("cover.mkv", "secret.mkv", "c.mkv", key)
    write_png(Path("altered.png"), altered(read_picture(Path("c.png")), bytes(32)))
    film = scan(Path("c.mkv"))
    with FilmWriter(Path("altered.mkv"), film.width, film.height, film.rate) as writer:
        for frame, time in zip(read_frames(Path("c.mkv")), film.times, strict=True):
            writer.write(altered(frame, bytes(32)), time)
    for reveal, container, out in (
        (pair.reveal_file, "altered.png", "s.png"),
        (pair.reveal_file, "altered.mkv", "s.mkv"),
        (pair.reveal_film, "altered.mkv", "t.mkv"),
    ):
        with pytest.raises(stegnet.RevealError, match="altered"):
            reveal(container, out, key, strict=True)
        assert not Path(out).exists()
        assert reveal(container, out, key).trouble


def test_sound_and_verification_are_chosen_apart(pair, make_film):
    key, done = stegnet.Key(bytes(32)), []
    make_film(Path("cover.mkv"), 6, 128, 192)
    make_film(Path("secret.mkv"), 6, 40, 48, sound="aac")
    for sound, verify in ((True, False), (False, True)):
        done.clear()
        choice = {"sound": sound, "verify": verify, "force": True}
        pair.hide_film("cover.mkv", "secret.mkv", "c.mkv", key, progress=lambda *step: done.append(step[0]), **choice)
        pair.reveal_film("c.mkv", "s.mkv", key, force=True)
        assert (bool(scan(Path("s.mkv")).sound), "verify" in done) == (sound, verify)


@pytest.mark.parametrize("method", ["auto", "sealed", "network"])
def test_a_picture_that_does_not_read_back_is_an_error(pair, monkeypatch, method):
    monkeypatch.setattr("stegnet.results.output.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    secret = "notes.txt" if method != "network" else "secret.png"
    hide = partial(pair.hide_file, "cover.png", secret, "c.png", stegnet.Key(bytes(32)), method=method)
    with pytest.raises(stegnet.MediaError, match="does not read back"):
        hide()
    assert not Path("c.png").exists()
    hide(verify=False)


def test_keys(tmp_path):
    stegnet.make_key_file(tmp_path / "k")
    key = stegnet.read_key(tmp_path / "k")
    for thing in (key, stegnet.Passphrase("open sesame")):
        assert repr(thing) == str(thing) == f"{type(thing).__name__}(...)"


def test_loading(weights):
    pair = stegnet.load(str(weights))
    assert len(pair.weights) == 64
    with pytest.raises(stegnet.WeightsError, match="no such weights file"):
        stegnet.load("none")
    with pytest.raises(stegnet.ConfigError, match="precision: must be one of auto, bf16, fp32, is 'fp8'"):
        stegnet.load(weights, precision="fp8")
    with pytest.raises(stegnet.ConfigError, match="no such device"):
        stegnet.load(weights, device="cuda:99")


def test_errors_say_what_to_do():
    error = stegnet.MediaError("what is wrong", "what to do")
    assert (str(error), error.hint) == ("what is wrong", "what to do")
    assert isinstance(error, stegnet.StegnetError)
