"""The kernels' C under sanitizers: no access outside of an array, and nothing that C leaves undefined."""

import os
import subprocess
import sys
import sysconfig

import pytest

from tools.closure import ROOT

KERNEL_TESTS = ROOT / "tests/kernels"
JPEG_TESTS = (ROOT / "tests/jpeg/test_jpeg.py", ROOT / "tests/jpeg/test_libjpeg.py")

UNDER_SANITIZERS = """
import sys, importlib.util, pytest
spec = importlib.util.spec_from_file_location("stegnet.kernels._kernels", sys.argv[1])
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
from stegnet import kernels
assert kernels.price is sys.modules[spec.name].price
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-m", "not long", *sys.argv[2:]]))
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "tests", [[KERNEL_TESTS], pytest.param(JPEG_TESTS, marks=pytest.mark.night)], ids=["kernels", "jpeg"]
)
def test_no_sanitizer_finds_anything(tmp_path, tests):
    """In the tests of kernels, and at night of JPEGs, by AddressSanitizer and UndefinedBehaviorSanitizer."""
    built, flags = tmp_path / "_kernels.so", ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
    flags.append("-ffp-contract=off")
    headers = f"-I{sysconfig.get_paths()['include']}"
    sources = [*(ROOT / "stegnet/kernels").glob("*.c")]
    subprocess.run(["gcc", *flags, "-shared", "-fPIC", headers, *sources, "-o", built], check=True)
    libraries = ("libasan.so", "libstdc++.so.6")  # jpeglib throws exceptions, which AddressSanitizer passes on
    find = [["gcc", f"-print-file-name={name}"] for name in libraries]
    found = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() for command in find]
    own = {"LD_PRELOAD": ":".join(found), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    command = [sys.executable, "-c", UNDER_SANITIZERS, built, *tests]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
