"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .channels import PictureChannel as PictureChannel
from .channels import largest_share as largest_share
from .channels import parse_channel as parse_channel
from .fec import information as information
from .grid import hidden_area as hidden_area
from .grid import own_grid as own_grid
from .grid import region_means as region_means
from .grid import textures as textures
from .groups import (
    ALL_FILM_POINTS as ALL_FILM_POINTS,
)
from .groups import (
    FILM_POINTS as FILM_POINTS,
)
from .groups import (
    FREQUENCIES as FREQUENCIES,
)
from .groups import (
    GROUP as GROUP,
)
from .groups import (
    HEAD_BYTES as HEAD_BYTES,
)
from .groups import (
    VARIANTS as VARIANTS,
)
from .groups import (
    GroupContent as GroupContent,
)
from .groups import (
    GroupReader as GroupReader,
)
from .groups import (
    Headers as Headers,
)
from .groups import (
    Pieces as Pieces,
)
from .groups import (
    coefficients as coefficients,
)
from .groups import (
    hidden_pixels as hidden_pixels,
)
from .groups import (
    hide_in_group as hide_in_group,
)
from .groups import (
    luma as luma,
)
from .groups import (
    modulated as modulated,
)
from .groups import (
    new_variant as new_variant,
)
from .groups import (
    pieces_of as pieces_of,
)
from .groups import (
    read_film as read_film,
)
from .groups import (
    salt_of_variant as salt_of_variant,
)
from .groups import (
    salts_of_group as salts_of_group,
)
from .groups import (
    signal_of as signal_of,
)
from .groups import (
    sines as sines,
)
from .groups import (
    sureness as sureness,
)
from .registration import TILE as TILE
from .robust_films import WRITTEN as WRITTEN
from .robust_films import embed_in_film as embed_in_film
from .robust_modem import Modem as Modem
from .robust_modem import PictureReader as PictureReader
from .robust_modem import read_points as read_points
from .robust_options import CONTAINER_PSNR as CONTAINER_PSNR
from .robust_options import MESSENGER as MESSENGER
from .robust_options import RobustOptions as RobustOptions
from .robust_pictures import (
    WRITTEN_QUALITY as WRITTEN_QUALITY,
)
from .robust_pictures import (
    JpegContainer as JpegContainer,
)
from .robust_pictures import (
    PictureCarrier as PictureCarrier,
)
from .robust_pictures import (
    choose_point as choose_point,
)
from .robust_pictures import (
    embed_in_picture as embed_in_picture,
)
from .robust_pictures import (
    picture_carrier as picture_carrier,
)
from .robust_pictures import (
    usual_capacity as usual_capacity,
)
from .robust_record import (
    Blocks as Blocks,
)
from .robust_record import (
    OperatingPoint as OperatingPoint,
)
from .robust_record import (
    coded_bits as coded_bits,
)
from .robust_record import (
    content_capacity as content_capacity,
)
from .robust_record import (
    dither_of as dither_of,
)
from .robust_record import (
    group_dither as group_dither,
)
from .robust_record import (
    new_nonce as new_nonce,
)
from .robust_record import (
    robust_key as robust_key,
)
from .robust_record import (
    used_blocks as used_blocks,
)
from .survival import (
    RobustFile as RobustFile,
)
from .survival import (
    file_bytes as file_bytes,
)
from .survival import (
    file_content as file_content,
)
from .survival import (
    fit_picture as fit_picture,
)
from .survival import (
    parse_content as parse_content,
)
