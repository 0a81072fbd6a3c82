"""Kinds of covers, of secrets and of what is hidden."""

from types import MappingProxyType

PICTURE, FILM, SOUND, FILE = "picture", "film", "sound", "file"
COVERS = (PICTURE, FILM, SOUND)
ALBUM = "album"  # pictures or sounds that hold one file together
JPEG_SUFFIXES = (".jpg", ".jpeg")
FORMS = MappingProxyType(
    {PICTURE: (".png",), FILM: (".mkv", ".mp4"), SOUND: (".wav", ".flac")}
)  # suffixes of what is written without loss
