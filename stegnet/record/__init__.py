"""What a frame must carry exactly, and containers as their readers see them.

`record` formats and parses it; `base` is the coarse copy in it, `sound` its share of the sound, `spread` that of a
file, by the code in `erasure`. `reading` reads it from a frame, `container` from a file; `diagnosis` says what was
altered.
"""

from stegnet.record.container import Container

__all__ = ["Container"]
