"""What a command imports, of which most of its time goes where pictures are small."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
_CODE = """
import sys
from stegnet.cli import main
assert main(sys.argv[1:]) == 0
print(*sys.modules, file=open("modules", "w"))
"""
_FILMS = {"av", "ffmpeg", "stegnet.video.films", "stegnet.video.film_writer"}
_SOUNDS = {"soundfile", "stegnet.formats.sound_file"}
_NETWORKS = {"onnxruntime", "torch", "stegnet.networks.engines.onnx_engine"}
_RARELY_USED = {
    "email",
    "importlib.metadata",
    "joblib",
    "jpeglib",
    "pi_heif",
    "ray",
    "scipy",
    "segno",
    "skimage",
    "tqdm",
    "zxcvbn",
}
NEVER = _FILMS | _SOUNDS | _NETWORKS | _RARELY_USED
LOSSY_CHANNELS = {f"stegnet.channels.{name}" for name in ("picture_channels", "film_channels", "channel_table")}
OTHER_METHODS = {f"stegnet.methods.{name}" for name in ("network", "h264", "sound", "robust.robust_method")}


@pytest.fixture(name="imported")
def runner(tmp_path, monkeypatch, picture) -> Callable[[str], set[str]]:
    """Runs a command in a folder with two covers and a key, and returns the names of all modules that it imports."""
    monkeypatch.chdir(tmp_path)
    for name in ("cover.png", "cover.jpg"):
        Image.fromarray(picture(128, 128)).save(name)
    Path("k").write_bytes(bytes(range(32)))
    Path("k").chmod(0o600)

    def run(line: str) -> set[str]:
        subprocess.run([sys.executable, "-c", _CODE, *line.split()], env={"PYTHONPATH": str(ROOT)}, check=True)
        return set(Path("modules").read_text(encoding="utf-8").split())

    return run


@pytest.mark.parametrize(("suffix", "others"), [("png", {"stegnet.methods.jpeg"}), ("jpg", set())])
def test_hiding_and_revealing_import_what_they_need(imported, suffix, others):
    """Nothing of films, sounds and networks; methods only up to the one that finds something."""
    hide = imported(f"hide cover.{suffix} --text hello -o out.{suffix} --key-file k")
    reveal = imported(f"reveal out.{suffix} -o back.txt --key-file k")
    assert Path("back.txt").read_bytes() == b"hello"
    assert not hide & (NEVER | LOSSY_CHANNELS | others - {"stegnet.methods.jpeg"})
    assert not reveal & (NEVER | others | OTHER_METHODS | {"psutil"})


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_info_imports_what_it_needs(imported, suffix):
    assert not imported(f"info cover.{suffix}") & NEVER


def test_garbage_is_collected_once_a_command_begins():
    """Not what was imported for it."""
    code = """
import gc
from stegnet.cli import run
from stegnet.cli.commands import keygen
keygen.execute = lambda options: print(gc.isenabled(), gc.get_freeze_count() > 10_000) or 0
run()
"""
    command = [sys.executable, "-c", code, "keygen", "k"]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True)
    assert done.stdout == b"True True\n"
