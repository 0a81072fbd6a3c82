"""Hiding and revealing: keys, the sealed header, pictures and films."""

from stegnet.codec.files import hide_file, reveal_file
from stegnet.codec.film import hide_film, reveal_film
from stegnet.codec.header import Header, open_header, seal_header
from stegnet.codec.keys import Key, Randomness, make_key_file, read_key
from stegnet.codec.network import Network
from stegnet.codec.picture import hide_picture, reveal_picture
from stegnet.codec.report import Report

__all__ = [
    "Header",
    "Key",
    "Network",
    "Randomness",
    "Report",
    "hide_file",
    "hide_film",
    "hide_picture",
    "make_key_file",
    "open_header",
    "read_key",
    "reveal_file",
    "reveal_film",
    "reveal_picture",
    "seal_header",
]
