"""Ways to hide, one folder each, and the list of them.

`method` says what a method is, `run` what each is given; `fitting` makes secrets fit, `film_loop` is the loop in which
films are hidden in. To add a method: a folder, and a line below.
"""

from stegnet.core.kinds import FILE, FILM, PICTURE
from stegnet.methods.auto import Auto
from stegnet.methods.h264 import ByLevels
from stegnet.methods.jpeg import Jpeg
from stegnet.methods.method import (
    AUTO,
    CoverSize,
    FileRoom,
    Fit,
    Hidden,
    Hider,
    Method,
    Registry,
    UnknownOption,
    option,
)
from stegnet.methods.network import ByNetwork
from stegnet.methods.robust import Robust
from stegnet.methods.run import DEFAULT_RUN, Run
from stegnet.methods.sealed import Sealed

METHODS = Registry()
METHODS.add(Auto())
METHODS.add(Sealed())
METHODS.add(ByNetwork())
METHODS.add(Robust())
METHODS.add(Jpeg())
METHODS.add(ByLevels())

__all__ = [
    "AUTO",
    "DEFAULT_RUN",
    "FILE",
    "FILM",
    "METHODS",
    "PICTURE",
    "CoverSize",
    "FileRoom",
    "Fit",
    "Hidden",
    "Hider",
    "Method",
    "Registry",
    "Run",
    "UnknownOption",
    "option",
]
