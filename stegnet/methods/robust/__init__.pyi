"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .block_placement import BlockPlacement as BlockPlacement, content_capacity as content_capacity
from .film_containers import (
    WRITTEN as WRITTEN,
    embed_in_film as embed_in_film,
    measured_film_capacity as measured_film_capacity,
)
from .film_groups import (
    FREQUENCIES as FREQUENCIES,
    HEAD_BYTES as HEAD_BYTES,
    VARIANTS as VARIANTS,
    GroupContent as GroupContent,
    dct_coefficients as dct_coefficients,
    hide_in_group as hide_in_group,
    luma as luma,
    modulated as modulated,
    new_variant as new_variant,
    pieces_of as pieces_of,
    salt_of_variant as salt_of_variant,
    salts_of_group as salts_of_group,
    signal_of as signal_of,
    sines as sines,
    sureness as sureness,
)
from .film_reader import (
    GroupReader as GroupReader,
    MessagePieces as MessagePieces,
    headers_of_variants as headers_of_variants,
    read_film as read_film,
)
from .found_content import FoundContent as FoundContent
from .grid import hidden_area as hidden_area, own_grid as own_grid, region_means as region_means, textures as textures
from .jpeg_container import JpegContainer as JpegContainer
from .operating_points import (
    ALL_FILM_POINTS as ALL_FILM_POINTS,
    FILM_POINTS as FILM_POINTS,
    GROUP as GROUP,
    OperatingPoint as OperatingPoint,
    film_points as film_points,
    largest_share as largest_share,
)
from .picture_containers import embed_in_picture as embed_in_picture, measured_capacity as measured_capacity
from .picture_reader import PictureReader as PictureReader
from .robust_content import (
    RobustFile as RobustFile,
    RobustPicture as RobustPicture,
    file_bytes as file_bytes,
    file_content as file_content,
    fit_picture as fit_picture,
    parse_content as parse_content,
)
from .robust_modem import PictureModem as PictureModem, read_points as read_points
from .robust_options import CONTAINER_PSNR as CONTAINER_PSNR, RobustOptions as RobustOptions
from .robust_pictures import (
    WRITTEN_QUALITY as WRITTEN_QUALITY,
    choose_point as choose_point,
    picture_cover as picture_cover,
    usual_capacity as usual_capacity,
)
from .robust_record import (
    coded_bits as coded_bits,
    dither_of as dither_of,
    group_dither as group_dither,
    new_nonce as new_nonce,
    robust_key as robust_key,
    used_blocks as used_blocks,
)
from .survival import Surviving as Surviving, embed_surviving as embed_surviving
