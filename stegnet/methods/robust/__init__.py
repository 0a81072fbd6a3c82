"""The method "robust": bits that survive JPEG, and in films H.264 and its like.

`fec` corrects errors, `robust_record` has operating points, places of bits, headers and records, `grid` salts and the
sizes at which pictures are hidden in, `registration` where these are in copies and parts. `robust_modem` hides bits in
pictures and reads them, `groups` those of a film's frames. `channels` is what may happen to containers, `survival` the
content that is made to fit and the search for what survives, `robust_pictures` and `robust_films` its two carriers;
`robust_method` is the method.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    channels="CONTAINER_PSNR MESSENGER PictureChannel RobustOptions largest_share parse_channel",
    fec="information",
    robust_films="WRITTEN embed_in_film",
    grid="hidden_area own_grid region_means textures",
    groups="ALL_FILM_POINTS FILM_POINTS FREQUENCIES GROUP GroupContent GroupReader HEAD_BYTES Headers Pieces VARIANTS "
    "coefficients hidden_pixels hide_in_group luma modulated new_variant pieces_of read_film salt_of_variant "
    "salts_of_group signal_of sines sureness",
    robust_modem="Modem PictureReader read_points",
    robust_pictures="JpegContainer PictureCarrier WRITTEN_QUALITY choose_point picture_carrier",
    robust_record="Blocks OperatingPoint coded_bits content_capacity dither_of group_dither new_nonce robust_key "
    "used_blocks",
    survival="file_content fit_picture parse_content",
)
