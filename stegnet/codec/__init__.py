"""Hiding and revealing: keys, sealed bits, pictures and films."""

from stegnet.codec.embed import bytes_room, embed_file, hide_bytes
from stegnet.codec.extract import extract_file, reveal_bytes
from stegnet.codec.files import OutputTarget, hide_file, reveal_file
from stegnet.codec.film import HideOptions, hide_film
from stegnet.codec.keys import Key, KeySource, Passphrase, Randomness, make_key_file, read_key
from stegnet.codec.network import Network
from stegnet.codec.picture import Revealed, hide_picture, reveal_picture
from stegnet.codec.report import Report
from stegnet.codec.reveal import reveal_film

__all__ = [
    "HideOptions",
    "Key",
    "KeySource",
    "Network",
    "OutputTarget",
    "Passphrase",
    "Randomness",
    "Report",
    "Revealed",
    "bytes_room",
    "embed_file",
    "extract_file",
    "hide_bytes",
    "hide_file",
    "hide_film",
    "hide_picture",
    "make_key_file",
    "read_key",
    "reveal_bytes",
    "reveal_file",
    "reveal_film",
    "reveal_picture",
]
