"""The method "sealed": any file, byte for byte, in the lowest bits of a picture or film."""

from stegnet.methods.sealed.embed import bytes_room, embed_file, hide_bytes
from stegnet.methods.sealed.extract import extract_file, reveal_bytes

__all__ = ["bytes_room", "embed_file", "extract_file", "hide_bytes", "reveal_bytes"]
