"""Reading and writing picture and film files."""

from stegnet.media.film_writer import FilmWriter
from stegnet.media.films import FilmInfo, frame_rate, read_frames, scan
from stegnet.media.output import atomic_write, check_film, check_picture, digest, temporary_file
from stegnet.media.picture_notes import about_cover, about_secret
from stegnet.media.pictures import read_cover, read_picture, resize, write_png
from stegnet.media.probe import FILM, PICTURE, kind, lossy_format
from stegnet.media.sound import SoundPacket, SoundTrack, read_sound, sound_tracks

__all__ = [
    "FILM",
    "PICTURE",
    "FilmInfo",
    "FilmWriter",
    "SoundPacket",
    "SoundTrack",
    "about_cover",
    "about_secret",
    "atomic_write",
    "check_film",
    "check_picture",
    "digest",
    "frame_rate",
    "kind",
    "lossy_format",
    "read_cover",
    "read_frames",
    "read_picture",
    "read_sound",
    "resize",
    "scan",
    "sound_tracks",
    "temporary_file",
    "write_png",
]
