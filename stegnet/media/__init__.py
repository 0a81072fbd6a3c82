"""Reading and writing picture and film files."""

from stegnet.core.kinds import FILM, PICTURE
from stegnet.media.films.film_writer import FilmWriter
from stegnet.media.films.films import FilmInfo, frame_count, frame_rate, read_frames, scan
from stegnet.media.films.sound import SoundPacket, SoundTrack, read_sound, sound_tracks
from stegnet.media.output import atomic_write, check_film, check_picture, digest, temporary_file
from stegnet.media.pictures.picture_notes import about_cover, about_secret
from stegnet.media.pictures.pictures import read_cover, read_picture, reduced, refuse_palette, resize
from stegnet.media.pictures.unresize import unresize
from stegnet.media.pictures.writing import write_png
from stegnet.media.probe import kind, probe
