"""Sound tracks and their packets, as values."""

from dataclasses import dataclass
from fractions import Fraction

CONVERT_SOUND = "convert the sound to AAC or FLAC first"
PLAYABLE = frozenset({"aac", "flac", "mp3", "opus"})  # codecs that browsers and phones play in MP4


@dataclass(frozen=True)
class SoundTrack:
    """Everything needed to create the track in another file."""

    codec: str  # FFmpeg's name, such as "aac" or "pcm_s16le"
    time_base: Fraction  # of the packets' time stamps, in seconds
    rate: int  # samples per second
    layout: str  # of the channels, such as "stereo" or "5.1"; "3 channels" if the file names none
    extradata: bytes  # the decoder's configuration, as in Matroska's CodecPrivate
    template: bytes  # the other elements of Matroska's TrackEntry (RFC 9559), made by FFmpeg
    language: str | None = None  # ISO 639-2, or None
    title: str | None = None  # for display, or None


@dataclass(frozen=True)
class SoundPacket:
    """A packet of a sound track."""

    track: int  # index into the tracks
    pts: int | None  # pts, dts: presentation and decoding time stamp, in the track's time base; None if unknown
    dts: int | None
    duration: int  # in the track's time base, 0 if unknown
    key: bool  # whether decoding can start here
    data: bytes  # the packet's bytes
    trim: int = 0  # samples to drop at its end
