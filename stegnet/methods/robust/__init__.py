"""The method "robust": bits that survive JPEG, and in films H.264 and similar codecs.

`fec` corrects errors. `robust_record` has operating points, places of bits, headers and records. `grid` has salts and
the sizes at which bits are hidden in pictures; `registration` finds these grids in copies and parts. `robust_modem`
hides and reads bits in pictures, `groups` in a film's frames. `channels` simulates what may happen to containers, and
`robust_options` names a channel. `survival` fits content and searches for what survives; `robust_pictures` and
`robust_films` are its two carriers. `robust_method` is the method.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    channels="PictureChannel largest_share parse_channel",
    fec="information",
    robust_films="WRITTEN embed_in_film",
    grid="hidden_area own_grid region_means textures",
    groups="ALL_FILM_POINTS FILM_POINTS FREQUENCIES GROUP GroupContent GroupReader HEAD_BYTES Headers Pieces VARIANTS "
    "coefficients hidden_pixels hide_in_group luma modulated new_variant pieces_of read_film salt_of_variant "
    "salts_of_group signal_of sines sureness",
    registration="TILE",
    robust_modem="Modem PictureReader read_points",
    robust_options="CONTAINER_PSNR MESSENGER RobustOptions",
    robust_pictures="JpegContainer PictureCarrier WRITTEN_QUALITY choose_point embed_in_picture picture_carrier "
    "usual_capacity",
    robust_record="Blocks OperatingPoint coded_bits content_capacity dither_of group_dither new_nonce robust_key "
    "used_blocks",
    survival="RobustFile file_bytes file_content fit_picture parse_content",
)
