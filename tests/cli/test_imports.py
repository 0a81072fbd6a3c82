"""What a command imports, of which most of its time goes where pictures are small."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import python

_FILMS = {"av", "ffmpeg", "stegnet.video.films", "stegnet.video.film_writer"}
_SOUNDS = {"soundfile", "stegnet.sound.file"}
_NETWORKS = {"onnxruntime", "torch", "stegnet.networks.engines.onnx_engine"}
_OTHERS = "email importlib.metadata joblib jpeglib pi_heif ray scipy segno skimage tqdm zxcvbn"
NEVER = {*_FILMS, *_SOUNDS, *_NETWORKS, *_OTHERS.split()}
# What errors, other methods and copies of a secret need.
_RARE = {
    *("importlib.resources", "difflib", "pkgutil", "stegnet.networks.card", "stegnet.video.mp4"),
    *("stegnet.image.avif", "stegnet.media.picture_copies", "stegnet.methods.robust.robust_content"),
}
_CHANNELS = "picture_channels film_channels channel_table transit known_channel learning simulation"
CHANNELS = {f"stegnet.channels.{name}" for name in _CHANNELS.split()}
OTHER_METHODS = {f"stegnet.methods.{name}" for name in ("network", "h264", "sound", "robust.robust_method")}


@pytest.fixture
def imported() -> Callable[[str], set[str]]:
    """Runs a command, and returns the names of all modules that it imports."""
    code = """
import sys
from stegnet.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=open("modules", "w"))
"""

    def run(line: str) -> set[str]:
        python(code, *line.split())
        return set(Path("modules").read_text(encoding="utf-8").split())

    return run


@pytest.mark.parametrize(("suffix", "others"), [("png", {"stegnet.methods.jpeg"}), ("jpg", {"numpy.ma"})])
def test_commands_import_what_they_need(imported, picture, suffix, others):
    """Nothing of films, sounds and networks; methods only up to the one that finds something."""
    Image.fromarray(picture(128, 128)).save(f"a.{suffix}")
    hide = imported(f"hide a.{suffix} --text hello -o out.{suffix} --key-file k")
    reveal = imported(f"reveal out.{suffix} -o back.txt --key-file k")
    assert Path("back.txt").read_bytes() == b"hello"
    assert not hide & (NEVER | _RARE | CHANNELS | others - {"stegnet.methods.jpeg"})
    assert not reveal & (NEVER | _RARE | others | OTHER_METHODS | {"psutil"})
    measured = {"onnxruntime", "stegnet.networks.engines.onnx_engine"}  # how much fits through a channel
    assert not imported(f"info a.{suffix}") & (NEVER - measured)


@pytest.mark.parametrize("line", ["--help", "--version", "--bogus", "hid"])
def test_what_needs_no_command_imports_none(imported, line):
    """It appears at once: it imports a few modules of the standard library, no other package, and no way to hide."""
    loaded = imported(line) - set(python("import sys; print(*sys.modules)").stdout.decode().split())
    packages = {name.partition(".")[0] for name in loaded}
    assert packages - sys.stdlib_module_names == {"lazy_loader", "stegnet"}
    assert len(packages) < 100
    assert not [name for name in loaded if name.startswith(("stegnet.cli.commands", "stegnet.methods"))]
    assert not loaded & {"random", "secrets", "tempfile", *({"difflib"} if line in ("--help", "--version") else ())}


def test_the_first_import_imports_only_what_reads_the_stub_of_a_package():
    """Ctrl-C during this import shows a traceback."""
    code = "import sys; before = set(sys.modules); import stegnet.cli; print(*sorted(set(sys.modules) - before))"
    assert python(code).stdout == b"_ast ast lazy_loader stegnet stegnet.cli\n"


def test_garbage_is_collected_once_a_command_begins():
    """Not what was imported for it."""
    code = """
import gc
from stegnet.cli import run
from stegnet.cli.commands import keygen
keygen.execute = lambda options: print(gc.isenabled(), gc.get_freeze_count() > 10_000) or 0
run()
"""
    assert python(code, "keygen", "new").stdout == b"True True\n"
