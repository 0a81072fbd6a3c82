"""Hiding methods: a file or folder for each, and the list of them in `registry`.

`method` is their contract. `hiding` hides from file to file by any method, and writes containers and the files that are
found in them.
"""

from stegnet.core.names import FILE, FILM, PICTURE
from stegnet.methods.hiding import HideJob, hide_file, hide_record, keeps_place, made_anew, refused_growth
from stegnet.methods.method import (
    AUTO,
    DEFAULT_CONTEXT,
    Capacity,
    Context,
    CoverSize,
    Fit,
    FoundSecret,
    Method,
    MethodOptions,
    NewContainer,
    Payload,
    option,
)
from stegnet.methods.registry import METHODS, UnknownOption

__all__ = [
    "AUTO",
    "DEFAULT_CONTEXT",
    "FILE",
    "FILM",
    "METHODS",
    "PICTURE",
    "Capacity",
    "Context",
    "CoverSize",
    "Fit",
    "FoundSecret",
    "HideJob",
    "Method",
    "MethodOptions",
    "NewContainer",
    "Payload",
    "UnknownOption",
    "hide_file",
    "hide_record",
    "keeps_place",
    "made_anew",
    "option",
    "refused_growth",
]
