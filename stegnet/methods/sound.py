"""The method "sound": any file, byte for byte, in the lowest bytes of the samples of a WAV or FLAC, which stays one."""

from stegnet import sound
from stegnet.core.names import SOUND
from stegnet.hiding.medium import Medium, MediumMethod, MediumOptions, SampleMedium
from stegnet.hiding.method import MethodInfo
from stegnet.keys import KeySource
from stegnet.media.cover import Cover


class SoundMethod(MediumMethod[MediumOptions]):
    """Any file, byte for byte, in a sound that stays what it was."""

    info = MethodInfo(
        name="sound",
        summary="any file, byte for byte, in a WAV or FLAC, which stays one",
        description="""\
The method "sound", used where COVER is a WAV or FLAC of 16 or 24 bits, hides
any file by changes of ±1 to its samples, encrypted; silence stays as it is,
and so do tags. It must arrive as it is, or converted between WAV and FLAC:
MP3, AAC and Opus lose the secret.

  $ stegnet hide song.flac letter.pdf --key-file k -o sent.flac
""",
        covers=(SOUND,),
        survives="arrives whole if sent as a file or converted between WAV and FLAC (same bits and rate), not as MP3, "
        "AAC or Opus",
        options=MediumOptions,
        shared=("compress", "at_most_safe"),
        albums=True,
    )

    def suffixes_of(self, cover: Cover) -> tuple[str, ...]:
        return (f".{cover.sound.file.form.lower()}",)

    def open(self, cover: Cover, options: MediumOptions, suffix: str, key: KeySource) -> Medium:
        return cover.once(self.info.name, sound.SoundMedium)

    def open_part(self, cover: Cover, options: MediumOptions, suffix: str, key: KeySource) -> SampleMedium:
        return cover.once(f"{self.info.name}, first", sound.SoundPart)
