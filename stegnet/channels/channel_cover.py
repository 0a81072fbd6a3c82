"""A cover brought into the form of a known channel, so that nearly all of it arrives as it is sent.

It is turned upright, converted to sRGB, reduced to a size that the channel leaves alone, and saved with the channel's
tables, as if it had come through the channel before. A JPEG that was saved with the same tables before hardly changes
any more: nearly all blocks of luma arrive as they are sent. A cover that came through the channel stays as it is.

A block of luma arrives as `stegnet.jpeg.libjpeg` computes it, whatever the others are, as long as no colour is
clipped; blocks near black or white keep what they have.
"""

from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stegnet.channels.jpeg_form import JpegForm, jpeg_of
from stegnet.channels.jpeg_headers import stated_density, written_behind
from stegnet.channels.simulation import same_tables
from stegnet.core.errors import CapacityError, MediaError, about
from stegnet.core.pixels import DCT_BASIS, is_grey
from stegnet.core.text import Setting, Text
from stegnet.formats.opened_file import FileInMemory
from stegnet.image.colour_profiles import BrokenProfileError, to_srgb
from stegnet.image.pictures import KEPT_IN_FORM, ignoring_warnings, resize
from stegnet.jpeg.coefficients import JpegPicture, read_jpeg
from stegnet.jpeg.cover import JpegCover, rounding_errors
from stegnet.jpeg.libjpeg import ColourOffsets, blocks_that_hold, changes_that_hold, colour_offsets
from stegnet.jpeg.markers import open_jpeg
from stegnet.jpeg.samples import CARRIED, coefficient_costs
from stegnet.media.condition import Condition, Premise
from stegnet.media.cover import Cover, about_cover, reduced_to
from stegnet.sealing import Costs
from stegnet.sealing.costs import WET

if TYPE_CHECKING:
    from stegnet.channels import KnownChannel, Transit

DEAREST = 30_000  # cost of changes that hold, at most; others cost more
BY_MODEM = Text("use ", Setting("survive", "CHANNEL"), ", such as jpeg:75, which needs no known channel")

OLD_FILE = (
    "the channel's file is an old one: in form and size, what is sent may differ from all that the app writes; learn "
    "the channel again"
)


@dataclass(frozen=True, eq=False)
class ChannelCover:
    """Cover in the form of a channel.

    Attributes:
        sent: the JPEG that is sent.
        arrived: what arrives of it.
        cover: what arrives, as a cover to hide in: its rounding errors, and the coefficients that may change.
        costs: costs of changing the luma that arrives, as `coefficient_costs` returns them: WET for changes after
            which their block does not arrive as it is sent.
        offset: what luma gains where the channel converts it to RGB and back, (n, 64) int8.
        stays: the blocks of luma that arrive as they are sent, (n,) bool.
    """

    transit: "Transit"
    sent: JpegPicture
    arrived: JpegPicture
    cover: JpegCover
    costs: Costs
    offset: NDArray[np.int8]
    stays: NDArray[np.bool_]

    @property
    def unusable(self) -> NDArray[np.bool_]:
        """Samples that must not change, (rows, 63 · columns, 1) bool."""
        unusable: NDArray[np.bool_] = np.minimum(*self.costs) >= WET
        return unusable

    def arrive_unchanged(self, blocks: NDArray[np.int16], numbers: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which blocks the channel leaves as they are sent, (m,) bool.

        Args:
            blocks: coefficients to send, (m, 64).
            numbers: where these blocks lie in the picture, (m,).
        """
        known = self.transit.known
        quanta = self.arrived.quanta(0)
        return blocks_that_hold(blocks, self.offset[numbers], quanta, known.dct)


def channel_cover(cover: Cover, transit: "Transit", side: int | None = None) -> ChannelCover:
    """Return a cover in the form of a channel.

    Args:
        cover: opened picture.
        transit: what is known of the channel.
        side: longer side in pixels that the cover is reduced to, if the channel leaves that as it is; None: not given.

    Raises:
        ConfigError: the cover is not larger than `side`.
        CapacityError: the cover is grey, and the channel was learned from pictures in colours, or the reverse.
        MediaError: the cover can't be read, the size that the channel makes of it is not known, or the channel does not
            save its own JPEGs in the same form again.
    """
    form = transit.known.form
    _check_colours(cover, form)
    came = None
    if side is None:
        _kept_size(cover, transit, cover.size)
        came = _came_through(cover, transit)
    if came is not None:
        sent = came
        errors = None
        notes = ("the cover is in the channel's form, and stays as it is", *about_cover(cover, without=KEPT_IN_FORM))
    else:
        pixels, notes = _upright_and_reduced(cover, transit, side)
        sent = _with_headers(_saved(form, pixels, transit), cover, transit.known)
        errors = rounding_errors(form.stored(pixels), sent)
    arrived = arriving(transit, sent)

    with Cover(FileInMemory("cover.jpg", bytes(sent.file.data)), quiet=True) as file:
        assert file.pixels.size  # decoded and cached before the file is closed
    stays = (sent.planes[0] == arrived.planes[0]).all(2).reshape(-1)
    offsets = _offsets_of(sent)
    costs = _costs(coefficient_costs(arrived, errors), sent, transit, stays, offsets)
    usable = (np.minimum(*costs) < WET).reshape(*arrived.planes[0].shape[:2], CARRIED)
    condition = cover.condition(max(sent.file.height, sent.file.width))
    if came is not None:
        condition = Condition(cover.path.name, Premise.DELIVERED)
    hidden_in = JpegCover(arrived, file, condition, None, errors, notes, usable)
    return ChannelCover(transit, sent, arrived, hidden_in, costs, offsets.offset, stays)


def _check_colours(cover: Cover, form: JpegForm) -> None:
    """Raise a CapacityError for a grey cover if the channel was learned from pictures in colours, or the reverse."""
    if is_grey(cover.picture[0]) == form.is_grey:
        return
    kinds = ("in colours", "grey") if form.is_grey else ("grey", "in colours")
    hint = f"learn a channel of its own from a picture that is {kinds[0]}"
    problem = f"is {kinds[0]}, and the channel was learned from pictures that are {kinds[1]}"
    raise CapacityError(problem, hint, cover)


def _came_through(cover: Cover, transit: "Transit") -> JpegPicture | None:
    """Return a cover that is in the channel's form already, as one that was sent through it is; else None."""
    if not cover.stays_jpeg or cover.orientation != 1:
        return None
    jpeg = read_jpeg(cover)
    size = (jpeg.file.height, jpeg.file.width)
    is_kept = transit.known.kept_size(*size) == size
    return jpeg if is_kept and JpegForm.of(jpeg) == transit.known.form else None


def _saved(form: JpegForm, pixels: NDArray[np.uint8], transit: "Transit") -> JpegPicture:
    """Return pixels as a JPEG in the channel's form.

    Nearly all blocks of it arrive as they are sent. Through programs whose DCT is coarse, they do after several passes;
    through others one is taken, since more would show.
    """
    passes = 6
    many = 0.3  # share of the blocks of luma that move
    sent = jpeg_of(form.saved(pixels), "cover.jpg")
    for _ in range(passes):
        arrived = arriving(transit, sent)
        if (arrived.planes[0] != sent.planes[0]).any(2).mean() < many:
            break
        sent = jpeg_of(sent.with_planes(arrived.planes), "cover.jpg")
    return sent


def _with_headers(sent: JpegPicture, cover: Cover, known: "KnownChannel") -> JpegPicture:
    """Return a JPEG in the file that the channel's program would write, as far as its examples tell."""
    if not known.headers:
        return sent
    has_density = known.keeps_density and cover.stays_jpeg
    density = stated_density(open_jpeg(cover).data) if has_density else None
    return jpeg_of(written_behind(known.headers, sent, density), "cover.jpg")


def arriving(transit: "Transit", sent: JpegPicture) -> JpegPicture:
    """Return what arrives of a JPEG. Raises MediaError if it is resized, or saved with other tables."""
    arrived = transit.simulator.arriving(sent.file.data)
    if [plane.shape for plane in arrived.planes] != [plane.shape for plane in sent.planes]:
        raise MediaError("channel: it doesn't keep the size and chroma of what it saved before", BY_MODEM)
    if not same_tables(arrived, sent):
        raise MediaError("channel: its quantisation tables depend on the picture, so nothing can be planned")
    return arrived


def _upright_and_reduced(
    cover: Cover, transit: "Transit", side: int | None
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return a cover's pixels as they are sent, in sRGB, and notes on it."""
    form = transit.known.form
    pixels, profile = cover.picture
    if profile:
        with suppress(BrokenProfileError):  # a note on the cover says so
            pixels = np.asarray(to_srgb(Image.fromarray(pixels), profile).convert("RGB"))
    height, width = pixels.shape[:2]
    rows, cols = _kept_size(cover, transit, reduced_to(pixels, side).shape[:2])
    made = f"the cover was saved in the channel's form{'' if form.quality is None else f', quality {form.quality}'}"
    if (rows, cols) != (height, width):
        made += f", reduced to {cols}×{rows} pixels"
    notes = (made, *about_cover(cover))
    return resize(pixels, rows, cols), notes if transit.known.headers else (*notes, OLD_FILE)


def _kept_size(cover: Cover, transit: "Transit", size: tuple[int, ...]) -> tuple[int, int]:
    """Return the size in which a cover of some size is sent, as `KnownChannel.kept_size`."""
    with about(cover):
        return transit.known.kept_size(size[0], size[1])


def _offsets_of(jpeg: JpegPicture) -> ColourOffsets:
    """Return what luma gains where the JPEG is converted to RGB and back."""
    with ignoring_warnings, Image.open(BytesIO(jpeg.file.data)) as image:
        image.draft("YCbCr", image.size)
        return colour_offsets(np.asarray(image))


def _costs(
    costs: Costs, sent: JpegPicture, transit: "Transit", stays: NDArray[np.bool_], offsets: ColourOffsets
) -> Costs:
    """Return costs with WET for changes after which their block does not arrive as sent."""
    quanta = sent.quanta(0)
    # Levels by which a change of each coefficient changes a pixel, at most.
    reach = np.ceil(quanta[1:] * np.abs(DCT_BASIS).max(1)[1:]) + 1
    wanted = stays[:, None] & (offsets.room[:, None] > reach)
    blocks = sent.planes[0].reshape(-1, 64)
    holds = changes_that_hold(blocks, offsets.offset, quanta, transit.known.dct, wanted)
    for side, able in zip(costs, holds, strict=True):
        np.copyto(side, np.where(able.reshape(side.shape), np.minimum(side, DEAREST), WET))
    return costs
