"""The method "transparent": any file, byte for byte, in the visible pixels of a picture, which stays as transparent."""

from types import MappingProxyType

from stegnet import pixels
from stegnet.core.errors import CapacityError
from stegnet.core.names import PICTURE
from stegnet.core.text import Setting, Text
from stegnet.hiding.found_file import SamplesContainer
from stegnet.hiding.medium import Medium, MediumMethod, MediumOptions
from stegnet.hiding.method import MethodInfo
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.record import Container


class TransparentMethod(MediumMethod[MediumOptions]):
    """Any file, byte for byte, in a picture that stays as transparent as it was."""

    info = MethodInfo(
        name="transparent",
        summary="any file, byte for byte, in a picture that stays transparent",
        description="""\
The method "transparent", used where COVER can be transparent and OUT is a PNG,
hides any file by changes of ±1 (up to 4.4 bits per pixel) to the
pixels that can be seen, encrypted. Opacity stays bit for bit, and so does the
colour of what can't be seen.

  $ stegnet hide logo.png letter.pdf --key-file k -o sent.png
""",
        covers=(PICTURE,),
        forms=MappingProxyType({PICTURE: (".png",)}),
        options=MediumOptions,
        shared=("compress", "at_most_safe"),
        albums=True,
    )

    def is_offered(self, cover: Cover, options: MediumOptions) -> bool:
        return cover.is_transparent

    def file_in_words(self, cover: Cover | None) -> str:
        return "any file (the PNG stays transparent)"

    def open(self, cover: Cover, options: MediumOptions, suffix: str, key: KeySource) -> Medium:
        """Return the samples of visible pixels. Raises CapacityError if the cover can't be transparent."""
        cover.once("pixels", pixels.check_pixels)
        if not cover.is_transparent:
            raise CapacityError(
                "can't be transparent", Text("use ", Setting("method", "auto"), ", which chooses"), subject=cover
            )
        return cover.once(self.info.name, pixels.OpacityMedium)

    def container_in(self, container: Container) -> Container | None:
        """Return the visible pixels of a transparent picture in which no other record opens."""
        if container.first.record is not None or not container.file.is_transparent:
            return None
        medium = pixels.OpacityMedium(container.file)
        return SamplesContainer(container.file, container.key_source, medium.samples, medium.rules)
