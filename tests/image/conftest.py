import os
import shutil

import pytest


@pytest.fixture(scope="session")
def cjpeg() -> str:
    """Path of libjpeg-turbo's encoder."""
    return _program("cjpeg", "libjpeg-turbo-progs")


@pytest.fixture(scope="session")
def convert() -> str:
    """Path of ImageMagick's `convert`."""
    return _program("convert", "imagemagick")


def _program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        stop = pytest.fail if os.environ.get("STEGNET_ENCODERS") == "required" else pytest.skip
        stop(f"{name} is missing: install it (Debian: apt install {package})")
    return path
