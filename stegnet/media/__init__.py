"""Pictures and films as files: reading and writing them, and telling which is which."""

from stegnet.media.film_writer import FilmWriter
from stegnet.media.films import FilmInfo, read_frames, read_tags, scan
from stegnet.media.output import whole_file
from stegnet.media.pictures import read_note, read_picture, resize, write_png
from stegnet.media.preview import write_preview
from stegnet.media.probe import FILM, PICTURE, kind

__all__ = [
    "FILM",
    "PICTURE",
    "FilmInfo",
    "FilmWriter",
    "kind",
    "read_frames",
    "read_note",
    "read_picture",
    "read_tags",
    "resize",
    "scan",
    "whole_file",
    "write_png",
    "write_preview",
]
