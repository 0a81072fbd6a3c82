"""Films: read, written and put into other formats; their sound and subtitles, boxes, H.264 syntax."""

from stegnet.video.film_writer import FilmWriter
from stegnet.video.films import FilmInfo, read_frames, scan
from stegnet.video.sound_tracks import SoundPacket, SoundTrack, read_sound, sound_tracks
