"""The method "jpeg": any file, byte for byte, in the quantised coefficients of a JPEG, which stays the JPEG it was.

Samples are the luma coefficients (`stegnet.jpeg.samples`). A cover that is not a JPEG is made one
(`stegnet.jpeg.cover`). `jpeg_channel` plans a container for a channel that the sender can run.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from stegnet import channels
from stegnet.core.names import FILM, PICTURE, SOUND
from stegnet.core.text import Setting, Text
from stegnet.formats.signatures import FORMS, JPEG_SUFFIXES
from stegnet.hiding.found_file import SamplesContainer
from stegnet.hiding.medium import MediumMethod
from stegnet.hiding.method import AUTO, MethodInfo, MethodOptions, option
from stegnet.jpeg.coefficients import read_jpeg
from stegnet.jpeg.cover import jpeg_cover, why_made_anew
from stegnet.jpeg.medium import JpegMedium
from stegnet.jpeg.samples import rules_of, samples_of
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.methods.registry import METHODS
from stegnet.record import Container

JPEG = "jpeg"
USUAL_QUALITY = 95  # of JPEGs that are made of other covers


@dataclass(frozen=True)
class JpegOptions(MethodOptions):
    """Options of the method "jpeg"."""

    quality: int | None = option(
        None, "JPEG quality for covers that are not JPEGs, 50 to 98 (default: 95)", "Q", (50, 98)
    )
    channel_file: tuple[Path] | None = option(None, "file of a channel", ("FILE",), typed=False)
    channel: str | None = option(
        None,
        "command that does what OUT goes through, such as 'convert {in} -quality 72 {out}': what arrives is the "
        "container. It is run several times, on near copies of COVER",
        "COMMAND",
    )

    @property
    def names_channel(self) -> bool:
        """True if the container is for a channel: a known one, or one that a command shows."""
        return self.channel_file is not None or self.channel is not None

    @property
    def input_files(self) -> tuple[Path, ...]:
        return self.channel_file or ()


class JpegMethod(MediumMethod[JpegOptions]):
    """Any file, byte for byte, in a JPEG that stays one."""

    info = MethodInfo(
        name=JPEG,
        summary="any file, byte for byte, in a JPEG, which stays the JPEG it was",
        description="""\
The method "jpeg", used where OUT is a JPEG, hides any file in its coefficients,
encrypted. A cover that is a JPEG keeps its metadata, tables and all other
bytes, and nearly its size; any other cover is saved as JPEG first. Send OUT as
a file: apps that save pictures again lose its secret, unless it was hidden for
that app, as learned by `stegnet channel` (--for NAME.channel), or for a command
that does the same. For apps of which nothing is known: --for messenger.

  $ stegnet hide photo.jpg letter.pdf --key-file k -o sent.jpg
  $ stegnet hide photo.jpg note.txt --for app.channel --key-file k -o sent.jpg
""",
        forms=MappingProxyType({PICTURE: JPEG_SUFFIXES, FILM: FORMS[FILM]}),
        covers=(PICTURE,),
        options=JpegOptions,
        shared=("compress", "resize", "at_most_safe"),
        albums=True,
    )

    def is_offered(self, cover: Cover, options: JpegOptions) -> bool:
        return options.names_channel or cover.is_jpeg

    def why_not(self, cover: Cover) -> str:
        why = why_made_anew(cover)
        return f"its own JPEG can't be used: {'; '.join(filter(None, (why, cover.jpeg_way_out)))}" if why else ""

    def file_in_words(self, cover: Cover | None) -> str:
        return f"any file, in {'a JPEG made anew' if cover and why_made_anew(cover) else 'the JPEG itself'}"

    def hint_for_other_covers(self, cover: Cover, options: JpegOptions) -> str:
        """Return the hint for a film or sound; with a channel's file, it is on channels that have a name."""
        if not options.channel_file:
            form = METHODS[AUTO].suffixes_of(cover)[0]
            return Text(f"a {cover.called} stays one: name the output {form}, and use ", Setting("method", "auto"))
        survive = Setting("survive", "CHANNEL")
        if cover.kind == SOUND:
            return Text("known channels are of pictures; use ", survive, ", such as h264:23")
        return Text("only pictures go through a known channel; use ", survive, " for films")

    def open(self, cover: Cover, options: JpegOptions, suffix: str, key: KeySource) -> JpegMedium:
        """Return the coefficients of the JPEG that a cover is, or is made, or of one in the form of a channel."""
        if options.names_channel:
            from stegnet.channels.through_channel import through  # only who names a channel needs it

            transit = channels.transit_of(options.channel_file, options.channel, cover)
            return through(transit, cover, options.resize, options.quality is not None)
        made = jpeg_cover(cover, options.quality or USUAL_QUALITY, options.resize)
        if options.quality is not None and made.errors is None:
            unused = " has no effect: the cover is a JPEG, which keeps its own"
            made = replace(made, notes=(Text(Setting("quality", "Q", quoted=False), unused), *made.notes))
        return JpegMedium(made)

    def container_in(self, container: Container) -> Container | None:
        if container.first.record is not None or not container.file.is_jpeg:
            return None
        jpeg = container.file.once("coefficients", read_jpeg)  # which other readers look at, too
        return SamplesContainer(container.file, container.key_source, samples_of(jpeg), rules_of(jpeg))
