"""The method "sound": any file, byte for byte, in the lowest bytes of the samples of a WAV or FLAC, which stays one."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.names import SOUND
from stegnet.core.pixels import in_strips
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.methods.hiding import found_file
from stegnet.methods.medium import Medium, MediumMethod, MediumOptions, SampleMedium, WrittenMedium
from stegnet.methods.method import (
    Context,
    FoundSecret,
    MethodChoice,
    MethodInfo,
    MethodOptions,
    NotFound,
    Payload,
    choice_of,
)
from stegnet.record import Container
from stegnet.results import SecurePayload, check_same
from stegnet.sealing import UNEVEN, Costs

_USUAL = 40  # cost of changing a median sample


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
        preference=4,
        survives="survives: being sent as a file or converted between WAV and FLAC (same bits and rate); "
        "not: MP3, AAC or Opus",
        options=MediumOptions,
        shared=("compress", "at_most_safe"),
        albums=True,
    )

    def keeps_form_of(self, cover: Cover) -> bool:
        """Return True for a sound."""
        return cover.kind == SOUND

    def suffixes_of(self, cover: Cover) -> tuple[str, ...]:
        """Return the suffix of the sound's own form."""
        return (f".{cover.sound.file.form.lower()}",)

    def open(self, cover: Cover, options: MediumOptions, suffix: str, key: KeySource) -> Medium:
        """Return the samples of a WAV or FLAC; opened once per cover."""
        return cover.once(self.info.name, SoundMedium)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: MethodOptions) -> MethodChoice:
        """Return a choice for any sound: no other method hides in one."""
        return choice_of(self, options)

    def find(self, container: Container, context: Context) -> FoundSecret | NotFound:
        """Find a file in the samples of a sound, as `Method.find` does."""
        return found_file(container, context, self.info.name)


class SoundMedium(SampleMedium):
    """The lowest bytes of a sound's samples."""

    def __init__(self, cover: Cover) -> None:
        noisy = 3.0  # levels of noise, from which a sample can carry
        rate = 0.2  # bits a sample that are hard to find in such noise
        measured = 2**18  # samples of the sounds in the measurement
        self._cover = cover
        self._sound = cover.sound
        self.samples = cover.sound.samples
        self.model = replace(UNEVEN, context=cover.sound.context)
        self.history = cover.history
        self.fixed = cover.sound.stays[..., None] if cover.sound.stays.any() else None
        self.secure = SecurePayload(int(np.count_nonzero(cover.sound.noise >= noisy)), rate, measured)

    def refusal(self, size: int, most: int) -> CapacityError | None:
        """Return the error for a sound that is silent, or too short; None for others."""
        if self.samples.size:
            return None
        if self._sound.is_silent:
            silent = "is silent or nearly so, and silence carries nothing"
            return CapacityError(silent, "use another recording", subject=self._cover)
        return CapacityError("is too short to carry anything", "use a longer recording", subject=self._cover)

    def costs(self) -> Costs:
        """Return low costs in noise, and high ones where the sound is quiet or regular."""
        wet = 500
        least = 0.02
        noise = self._sound.noise
        levels = np.empty((*self._sound.noise.shape, 1), np.uint16)
        noisy = noise[noise > 0]
        usual = np.float32(_USUAL * np.sqrt(max(np.median(noisy), least) if noisy.size else least))

        def fill(rows: slice) -> None:
            levels[rows, :, 0] = np.clip(usual / np.sqrt(np.maximum(noise[rows], least)), 1, wet)

        in_strips(fill, *noise.shape)
        return Costs(levels, levels)

    def write(self, part: Path, sealed: np.ndarray, verify: bool) -> WrittenMedium:
        """Write the sound in its own form."""
        data = self._sound.with_samples(sealed)
        self._sound.file.write(part, data)
        if verify:
            with Cover(part, quiet=True) as written:
                check_same(part, np.array_equal(written.sound.file.data, data))
        frames, channels = self._sound.file.data.shape[:2]
        changed = int(np.count_nonzero(sealed != self.samples))
        figures = {"cover_pixels": frames * channels, "changed_pixels": changed, "unit": "samples"}
        return WrittenMedium(tuple(f"cover: {note}" for note in self._sound.file.notes()), figures)
