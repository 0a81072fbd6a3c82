"""stegnet as a library."""

import ast
import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.core.names import is_channel_file
from stegnet.image import read_picture, write_png
from stegnet.methods import METHODS
from stegnet.methods.registry import method_for
from stegnet.video import scan
from tests.support.sounds import noise, write_wav

ERRORS = {
    "CapacityError", "ConfigError", "DiskError", "KeyFileError", "MediaError", "PackageError", "RevealError",
    "StegnetError", "WeightsError",
}  # fmt: skip
KEYS = {
    "Identity", "Key", "Passphrase", "Recipient",
    "make_identity_file", "make_key_file", "read_identity", "read_key", "read_recipient",
}  # fmt: skip
NAMES = ERRORS | KEYS | {
    "Fit", "Report", "Revealed", "Session", "bytes_capacity", "capacity", "hide", "hide_album", "hide_bytes", "info",
    "learn_channel", "read_channel", "reveal", "reveal_bytes",
}  # fmt: skip
KEY = stegnet.Key(bytes(range(32)))
NOTE = b"a note"


@pytest.fixture(scope="module")
def session(weights) -> stegnet.Session:
    """Computes with a tiny pair."""
    return stegnet.Session(weights=weights, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def material(tmp_path_factory, picture, make_film) -> Path:
    folder = tmp_path_factory.mktemp("material")
    write_png(folder / "cover.png", picture(64, 96, 1))
    write_png(folder / "secret.png", picture(20, 25, 2))
    make_film(folder / "cover.mkv", 6, 128, 192)
    make_film(folder / "secret.mkv", 4, 40, 48, seed=9, sound="aac")
    (folder / "note.txt").write_bytes(NOTE)
    return folder


@pytest.fixture(autouse=True)
def folder(material, tmp_path, monkeypatch) -> Iterator[Path]:
    """The working folder, with links to the material, and beside it the one for temporary files, which stays empty."""
    for limit in ("LEAST", "POOR"):  # the tiny network is not trained
        monkeypatch.setattr(f"stegnet.networks.secret_quality.{limit}", 0.0)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "work")
    for path in material.iterdir():
        Path(path.name).symlink_to(path)
    yield tmp_path / "work"
    assert not list((tmp_path / "temporary").iterdir())


def forms(name: str) -> list:
    """A file as path, string, bytes and, if it is a picture, array."""
    arrays = [read_picture(Path(name))] if name.endswith(".png") else []
    return [name, Path(name), Path(name).read_bytes(), *arrays]


def test_every_way_to_hide_warns_of_a_weak_passphrase(tmp_path, picture):
    """Each function whose key a recipient may be."""
    (tmp_path / "covers").mkdir()
    for number in range(2):
        write_png(tmp_path / f"covers/{number}.png", picture(64, 64, number))
    weak, covers = stegnet.Passphrase("password1"), tmp_path / "covers"
    ways = {"hide": (covers / "0.png", b"hi", tmp_path / "a.png"), "hide_album": (covers, b"hi", tmp_path / "album")}
    assert ways.keys() == {name for name in vars(stegnet.Session) if name.startswith("hide")}
    for name, given in ways.items():
        with pytest.warns(UserWarning, match="the passphrase is weak"):
            getattr(stegnet, name)(*given, key=weak)


def test_public_names_and_those_that_type_checkers_see():
    stub = ast.parse(Path(stegnet.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.asname: f"stegnet.{node.module}" for node in imports for alias in node.names}
    assert homes.keys() == set(stegnet.__all__) == NAMES
    assert set(dir(stegnet)) >= NAMES
    assert all(getattr(import_module(home), name) is getattr(stegnet, name) for name, home in homes.items())
    with pytest.raises(AttributeError, match="attribute load"):
        _ = stegnet.load


def test_every_error_is_public():
    from stegnet.core import errors

    kinds = {name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)}
    of_the_pipeline = {"ClusterError", "DataError", "TrackingError", "TrainingError"}  # which no function here raises
    assert kinds == ERRORS | of_the_pipeline
    error = stegnet.MediaError("what is wrong", "what to do")
    assert (str(error), error.hint, isinstance(error, stegnet.StegnetError)) == ("what is wrong", "what to do", True)


@pytest.mark.parametrize("method", ["sealed", "network"])
def test_paths_bytes_and_arrays_alike(session, method):
    """Whatever the cover, secret and container are given as; a container is as its cover, a file or an array."""
    secret, seen = read_picture(Path("secret.png")), set()
    for cover, given in zip(forms("cover.png"), reversed(forms("secret.png")), strict=True):
        made = session.hide(cover, given, key=KEY, method=method).container
        assert isinstance(made, np.ndarray if isinstance(cover, np.ndarray) else bytes)
        revealed = session.reveal(made, key=KEY)
        assert (revealed.picture.shape, revealed.picture.dtype) == (secret.shape, np.uint8)
        assert method == "network" or np.array_equal(revealed.picture, secret)
        assert (revealed.path, revealed.trouble) == (None, ())
        seen.add((revealed.kind, revealed.name))
    assert seen == {("picture", None)} if method == "network" else ("file", "secret.png") in seen


@pytest.mark.parametrize("cover", ["cover.png", "photo.jpg", "cover.mkv"])
def test_what_is_in_memory_is_hidden_without_being_written_to_a_disk(cover, picture, tmp_path):
    """Neither bytes nor an array."""
    Image.fromarray(picture(136, 200, 3)).save("photo.jpg")
    seen: set[str] = set()

    def look(*_: object) -> None:
        files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
        seen.update(path.name for path in files if "secret" in path.name or b"meet me at eight" in path.read_bytes())

    session, out = stegnet.Session(progress=look), "made" + Path(cover).suffix
    session.hide(cover, b"meet me at eight", out, key=KEY)
    assert session.reveal(out, key=KEY).data == b"meet me at eight"
    if cover != "photo.jpg":  # which is too small for it
        session.hide(cover, picture(20, 25, 2), out, key=KEY, overwrite=True)
    assert not seen


def test_the_inputs_stay(session, picture):
    """Turned, cut and read-only arrays are pictures as well."""
    large = picture(130, 200, 1)
    large.flags.writeable = False
    cover, secret = large[::2, ::-2], np.asfortranarray(picture(30, 40, 2))
    before = cover.copy(), secret.copy()
    container = session.hide(cover, secret, key=KEY, method="network").container
    assert (container.shape, container.dtype) == (cover.shape, np.uint8)
    assert all(map(np.array_equal, (cover, secret), before))
    turned = session.reveal(np.asfortranarray(container), key=KEY)
    assert np.array_equal(turned.picture, session.reveal(container, key=KEY).picture)


def test_results(session):
    """Of files that are written, and of a text."""
    report = session.hide("cover.mkv", "secret.mkv", Path("c.mp4"), key=KEY, method="network")
    assert (report.path, report.container, report.frames, report.hidden) == (Path("c.mp4"), None, 6, 4)
    assert (report.hiding.method, report.warnings, report.trouble) == ("network", (), ())
    revealed = session.reveal("c.mp4", "s.mkv", key=KEY)
    assert (revealed.kind, revealed.name, revealed.data, revealed.path) == ("film", None, None, Path("s.mkv"))
    assert (len(scan(revealed.path).pts), bool(scan(revealed.path).sound)) == (4, True)
    Path("film.mkv").write_bytes(session.reveal(Path("c.mp4").read_bytes(), key=KEY).data)
    assert list(scan(Path("film.mkv")).pts) == list(scan(revealed.path).pts)
    report = session.hide("cover.png", "note.txt", key=KEY)
    assert (report.hiding.method, report.unchanged, report.name, report.size) == ("sealed", True, "note.txt", 6)
    revealed = session.reveal(report.container, key=KEY)
    assert (revealed.name, revealed.data, revealed.text) == ("note.txt", NOTE, "a note")
    assert session.reveal(report.container, "back.txt", key=KEY).text == "a note"
    Path("into").mkdir()
    assert session.reveal(report.container, "into", key=KEY).path.parent == Path("into")
    with pytest.raises(stegnet.MediaError, match=r"^revealed: is a file, not a picture"):
        _ = revealed.picture
    Path("k").write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        _ = session.reveal(session.hide("cover.png", "k", key=KEY).container, key=KEY).text


def test_a_weak_passphrase_is_warned_of_when_hiding(session, quick_scrypt):
    """And not shown."""
    key = stegnet.Passphrase("password1")
    stegnet.make_key_file("k")
    assert (repr(stegnet.read_key("k")), f"{key} {key!r}") == ("Key(...)", "Passphrase(...) Passphrase(...)")
    with pytest.warns(UserWarning, match="the passphrase is weak: a thousand processor cores guess it in ") as told:
        container = session.hide("cover.png", "note.txt", key=key).container
    assert [Path(each.filename) for each in told] == [Path(__file__)]
    session.reveal(container, key=key)
    session.hide("cover.png", "note.txt", key=stegnet.Passphrase("six odd words last far longer"))


def test_arrays_of_other_kinds(session):
    shapes = ((64, 96), (64, 96, 4), (1, 64, 96, 3), (0, 96, 3))
    for array in (*(np.zeros(shape, np.uint8) for shape in shapes), np.zeros((64, 96, 3))):
        calls = {
            "cover": lambda array=array: session.hide(array, "note.txt", key=KEY),
            "secret": lambda array=array: session.hide("cover.png", array, key=KEY),
            "container": lambda array=array: session.reveal(array, key=KEY),
            "file": lambda array=array: session.info(array),
        }
        for name, call in calls.items():
            with pytest.raises(ValueError) as caught:
                call()
            assert str(caught.value) == f"{name}: must be (H, W, 3) uint8, is {array.shape} {array.dtype}"


def test_methods_and_their_options(session):
    names = "auto, sealed, network, robust, jpeg, h264, transparent, sound"
    compressing = "auto or sealed or robust or jpeg or h264 or transparent or sound"
    for told, method, options in (
        (f"method: 'best' is not one of {names}", "best", {}),
        (f"compress: goes with {compressing}", "network", {"compress": True}),
        ("survive: goes with robust", "sealed", {"survive": "jpeg:90"}),
        ("container_psnr: goes with robust", "network", {"container_psnr": 38}),
        ("force: no method has it", "auto", {"force": True}),
    ):
        with pytest.raises(stegnet.ConfigError) as caught:
            session.hide("cover.png", "secret.png", key=KEY, method=method, **options)
        assert str(caught.value) == told


TYPES = {
    **dict.fromkeys(("any_quality", "at_most_safe", "compress", "sound", "strip_metadata", "verify"), bool),
    **dict.fromkeys(("quality", "resize"), int),
    **dict.fromkeys(("channel", "longer", "survive"), str),
    "channel_file": tuple,
    "container_psnr": float,
}
NUMBERS = (0, 1, -1, 60, 10**400, 1.5, 60.0, math.nan, math.inf, np.int64(60), np.float32(38))
TEXTS = ("95", "", "cut", b"cut")
OTHERS: tuple[object, ...] = (None, True, np.True_, [], ["a"], ("a", Path("b")), (1, 2), {}, np.zeros(3), object())


@pytest.mark.parametrize("method", METHODS)
def test_each_option_takes_its_type_or_says_which(method):
    """Whatever is given; what is taken has the type that the method expects, and is in its range."""
    info = METHODS[method].info
    for declared in (each for each in fields(info.options) if each.name in info.option_names):
        kind = TYPES[declared.name]
        for given in NUMBERS + TEXTS + OTHERS:
            if declared.name == "survive" and is_channel_file(given):
                continue
            try:
                _, options = method_for("file", {declared.name: given}, "", method)
            except (TypeError, stegnet.ConfigError) as error:
                assert re.match(f"{declared.name}: (must be .*, is |.*is not (one of|from) )", str(error))
                numeric = isinstance(given, int | float | np.number) and not isinstance(given, bool)
                assert isinstance(error, TypeError) or kind is str or numeric
            else:
                taken = getattr(options, declared.name)
                assert type(taken) is kind or (taken is None and declared.default is None)
                assert kind not in (int, float) or taken is None or taken == given


def test_arguments_of_the_wrong_type(session, tmp_path):
    """Errors name the argument and what it accepts; nothing is written."""
    recipient = stegnet.make_identity_file("id")
    told_of_key = "key: must be a stegnet.Key, a stegnet.Passphrase or a stegnet."

    def hide(to: object = None, *, cover: object = "cover.png", key: object = KEY, **more: object) -> None:
        session.hide(cover, b"a", to, key=key, **more)

    def album(covers: object = ".", **more: object) -> None:
        session.hide_album(covers, b"a", "o", key=KEY, **more)

    calls = [
        (
            f"{told_of_key}Recipient, is str: "
            'stegnet.Passphrase("...") for a passphrase, stegnet.read_key("FILE") for a key file',
            lambda: hide(key="open sesame"),
        ),
        (f"{told_of_key}Recipient, is Identity", lambda: hide(key=stegnet.read_identity("id"))),
        (f"{told_of_key}Identity, is Recipient", lambda: session.reveal("cover.png", key=recipient)),
        (f"{told_of_key}Identity, is Recipient", lambda: session.info("cover.png", key=recipient)),
        ("cover: must be a path, bytes or a numpy array, is list", lambda: hide(cover=[[0]])),
        ("to: must be a path or None, is int", lambda: hide(5)),
        ("method: must be a string, is list", lambda: hide(method=["sealed"])),
        ("overwrite: must be True or False, is str", lambda: hide(overwrite="no")),
        ("quality: must be a whole number from 50 to 98 or None, is str", lambda: hide("sent.jpg", quality="95")),
        ("resize: must be a whole number or None, is float", lambda: hide(resize=1.5)),
        ("enough: must be a whole number or None, is str", lambda: album(enough="2")),
        ("covers: must be a path, is bytes", lambda: album(b".")),
        ("strict: must be True or False, is int", lambda: session.reveal("cover.png", key=KEY, strict=1)),
        ("lossless: must be True or False, is NoneType", lambda: session.reveal("cover.png", key=KEY, lossless=None)),
        ("survive: must be a path or None, is int", lambda: session.info("cover.png", survive=5)),
        ("device: must be a string, is int", lambda: stegnet.Session(device=0)),
        ("weights: must be a path or None, is int", lambda: stegnet.Session(weights=1)),
        ("progress: must be a function, is NoneType", lambda: stegnet.Session(progress=None)),
    ]
    before = sorted(tmp_path.rglob("*"))
    for told, call in calls:
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == told
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("text", ["Meet me", "Meet me at noon. " * 99, "Meet\nme"])
def test_a_text_or_passphrase_in_the_place_of_its_type_is_told_how_to_give_it(session, text):
    with pytest.raises(stegnet.MediaError, match=r"a text is given as bytes: b'\.\.\.'"):
        session.hide("cover.png", text, key=KEY)
    with pytest.raises(stegnet.MediaError, match=r"no such file$"):
        session.hide("none.png", NOTE, key=KEY)
    for call in (
        lambda: session.hide("cover.png", NOTE, key="hunter2"),
        lambda: session.reveal("c.png", key="hunter2"),
    ):
        with pytest.raises(TypeError, match=re.escape('is str: stegnet.Passphrase("...") for a passphrase')) as caught:
            call()
        assert "hunter2" not in str(caught.value)


def test_results_are_shown_without_their_contents(session):
    for cover, secret in (("cover.png", NOTE), (read_picture(Path("cover.png")), read_picture(Path("secret.png")))):
        report = session.hide(cover, secret, key=KEY)
        revealed = session.reveal(report.container, key=KEY)
        assert max(len(shown) for shown in (repr(report), repr(revealed), str(report))) < 1500
        is_array = isinstance(cover, np.ndarray)
        size = f"<array {report.container.shape}>" if is_array else f"{len(report.container):,} bytes"
        assert size in repr(report)
        assert f"data=<{len(revealed.data):,} bytes>" in repr(revealed) and "a note" not in repr(revealed)


def test_where_networks_run(weights):
    """The session's settings hold for every method; they are looked at when a network is first needed."""
    for told, error, settings in (
        ("no such weights file", stegnet.WeightsError, {"weights": "none"}),
        ("precision: 'fp8' is not one of auto, bf16, fp32", stegnet.ConfigError, {"precision": "fp8"}),
        ("backend: 'abacus' is not one of auto, torch, onnx", stegnet.ConfigError, {"backend": "abacus"}),
        ("no such device", stegnet.ConfigError, {"device": "cuda:99", "backend": "torch"}),
    ):
        session = stegnet.Session(**settings)
        container = session.hide("cover.png", "note.txt", key=KEY).container
        assert session.reveal(container, key=KEY).data == NOTE
        for method, secret in (("network", "secret.png"), ("robust", "note.txt")):
            with pytest.raises(error, match=told):
                session.hide("cover.png", secret, key=KEY, method=method)


def test_errors_name_what_was_given():
    """Not the temporary file that bytes were written to."""
    for call in (
        lambda: stegnet.hide(b"no picture", "note.txt", key=KEY),
        lambda: stegnet.reveal(b"no picture", key=KEY),
        lambda: stegnet.info(b"no picture"),
    ):
        with pytest.raises(stegnet.MediaError, match=r"^(cover|container|file): is a file, not a picture"):
            call()


NAMES_OF_NO_FILE = ["a\0b", "\ud800", "n" * 300, "d/" * 2500 + "x"]
TAKING_A_PATH: dict[str, Callable[[Path], object]] = {
    "hide, cover": lambda path: stegnet.hide(path, "note.txt", "sent.png", key=KEY),
    "hide, secret": lambda path: stegnet.hide("cover.png", path, "sent.png", key=KEY),
    "hide, to": lambda path: stegnet.hide("cover.png", "note.txt", path, key=KEY),
    "hide, survive": lambda path: stegnet.hide("cover.png", "note.txt", "sent.jpg", key=KEY, survive=path),
    "hide_album, covers": lambda path: stegnet.hide_album(path, "note.txt", "album", key=KEY),
    "hide_album, secret": lambda path: stegnet.hide_album("covers", path, "album", key=KEY),
    "hide_album, to": lambda path: stegnet.hide_album("covers", "note.txt", path, key=KEY),
    "reveal": lambda path: stegnet.reveal(path, key=KEY),
    "reveal, to": lambda path: stegnet.reveal("box.png", path, key=KEY),
    "info": stegnet.info,
    "info, key": lambda path: stegnet.info(path, key=KEY),
    "info, survive": lambda path: stegnet.info("cover.png", survive=path),
    "capacity": stegnet.capacity,
    "read_key": stegnet.read_key,
    "read_identity": stegnet.read_identity,
    "read_recipient": stegnet.read_recipient,
    "make_key_file": stegnet.make_key_file,
    "make_identity_file": stegnet.make_identity_file,
    "Session": lambda path: stegnet.Session(weights=path),
    "read_channel": stegnet.read_channel,
    "learn_channel": lambda path: stegnet.learn_channel([(path, path)]),
}


@pytest.mark.parametrize("takes_path", TAKING_A_PATH)
def test_a_name_that_no_file_can_have_is_refused(takes_path, folder):
    Path("covers").mkdir()
    Path("covers", "cover.png").symlink_to(Path("cover.png").resolve())
    if takes_path == "reveal, to":
        stegnet.hide("cover.png", "note.txt", "box.png", key=KEY)
    before = set(folder.rglob("*"))
    for name in NAMES_OF_NO_FILE:
        with pytest.raises(stegnet.StegnetError, match="no file can have this name") as caught:
            TAKING_A_PATH[takes_path](Path(name))
        assert caught.value.subject == name
        assert set(folder.rglob("*")) == before


@pytest.mark.parametrize("takes_path", sorted(TAKING_A_PATH.keys() - {"hide_album, to", "reveal, to", "Session"}))
def test_a_folder_in_place_of_a_file_is_refused(takes_path):
    Path("empty").mkdir()
    with pytest.raises(stegnet.StegnetError):
        TAKING_A_PATH[takes_path](Path("empty"))


def test_a_sound_is_refused_where_only_pictures_survive():
    """Also where the container is not named, and its suffix follows from the cover."""
    write_wav(Path("cover.wav"), noise(20_000))
    with pytest.raises(stegnet.CapacityError, match="is a WAV, and the method robust hides in pictures and films"):
        stegnet.hide("cover.wav", b"note", key=KEY, survive="jpeg:90")


def test_all_options_of_methods_are_typed_keywords() -> None:
    options = get_type_hints(stegnet.api.HideOptions)
    assert set(options) == {name for method in METHODS.values() for name in method.info.option_names}
    assert set(get_args(stegnet.api.MethodName)) == set(METHODS)
    for method in METHODS.values():
        types = get_type_hints(method.info.options)
        for name in method.info.option_names:
            if name not in ("survive", "channel_file"):  # which take paths of any kind
                assert options[name] == types[name], name


def test_the_help_of_hide_explains_each_option() -> None:
    explained = inspect.getdoc(stegnet.hide)
    assert explained
    options = get_type_hints(stegnet.api.HideOptions)
    assert not [name for name in options if not re.search(rf"^ *- {name} \(.+\): \w", explained, re.MULTILINE)]


def public(package: Any) -> Iterator[tuple[str, Any, str]]:
    """Each public function, class, and public method or property of one, with its help: a method's has its class's."""
    for name in package.__all__:
        value = getattr(package, name)
        if not inspect.isclass(value):
            if callable(value):
                yield name, value, inspect.getdoc(value) or ""
            continue
        yield name, value, inspect.getdoc(value) or ""
        members: dict[str, Any] = dict(vars(value))
        for member, given in members.items():
            function = getattr(given, "fget", None) or getattr(given, "__func__", given)
            if inspect.isfunction(function) and not member.startswith("_"):
                help_text = inspect.getdoc(getattr(value, member)) or inspect.getdoc(given) or ""
                yield f"{name}.{member}", function, f"{help_text}\n{inspect.getdoc(value)}"


@pytest.mark.parametrize("package", ["stegnet", "stegnet.networks"])
def test_help_says_the_shape_and_range_of_each_array(package: str) -> None:
    shape = r"\((?:[A-Za-z]|\d+)(?:/8)?,[^)]*\)"
    values = r"uint8|u?int(?:8|16|32|64)|float32|bool|in \[0, 1"
    lacking = []
    for name, value, help_text in public(import_module(package)):
        hints = str(inspect.get_annotations(value) or getattr(value, "__annotations__", {}))
        takes_arrays = re.search("ndarray|NDArray|Tensor|Source|Image|ReadEphemeral", hints.replace("KeySource", ""))
        if takes_arrays and not (re.search(shape, help_text) and re.search(values, help_text)):
            lacking.append(name)
    assert not lacking


def test_help_names_the_errors_of_each_function() -> None:
    """Also by those of another function; of a class, those of its constructor."""
    functions = [
        (name, text) for name, value, text in public(stegnet) if not inspect.isclass(value) and "." not in name
    ]
    assert len(functions) > 10
    assert not [
        name for name, text in functions if not re.search(r"^Raises:|Raises \w*Error|[Ee]rrors (?:of|are)", text, re.M)
    ]


def test_hiding_again_takes_the_place_of_what_was_hidden(session: stegnet.Session, tmp_path: Path) -> None:
    """docs/faq.md says so: two secrets of two keys don't share a file."""
    other = stegnet.Key(bytes(range(1, 33)))
    session.hide("cover.png", b"first", tmp_path / "first.png", key=KEY)
    session.hide(tmp_path / "first.png", b"second", tmp_path / "second.png", key=other)
    assert session.reveal(tmp_path / "second.png", key=other).data == b"second"
    with pytest.raises(stegnet.RevealError, match="nothing here opens with this key"):
        session.reveal(tmp_path / "second.png", key=KEY)


def test_a_session_gives_back_its_networks(session: stegnet.Session) -> None:
    with stegnet.Session() as own:
        cover, secret = np.random.default_rng(0).integers(60, 200, (2, 64, 64, 3), np.uint8)
        container = own.hide(cover, secret, key=KEY, method="network").container
        assert own._context.networks
    assert not own._context.networks
    assert container is not None
    assert stegnet.reveal(container, key=KEY).kind == "picture"
