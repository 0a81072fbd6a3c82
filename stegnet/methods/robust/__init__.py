"""The method "robust": bits that survive JPEG, and in films H.264 and its like.

`fec` corrects errors, `qim` is how bits are in coefficients, `modem` runs the networks of pictures, `places` says which
blocks carry what, `record` has keys and records, `regions` what salts are made of, `grid` the sizes at which pictures
are hidden in, `registration` and `tiles` where they are in copies and parts, `groups` what a film's frames carry;
`reader` finds records and the messages of films, `content` is what is in them; `channels` is what may happen to
containers, `survival` the search for what survives it, `pictures` and `films` its two carriers, `picture_files` the
files of one; `robust_method` is the method itself.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    channels="CONTAINER_PSNR Channel MESSENGER PictureChannel RobustOptions largest_share parse_channel",
    content="ROBUST FoundContent file_bytes file_content fit_picture parse_content",
    fec="HIGHEST LOWEST RATES",
    films="WRITTEN",
    groups="GroupContent HEAD_BYTES Headers Pieces VARIANTS hidden_pixels hide_in_group modulated new_variant "
    "pieces_of salt_of_variant salts_of_group signal_of",
    modem="BLOCK Modem read_points",
    picture_files="JpegContainer",
    pictures="PictureCarrier WRITTEN_QUALITY choose_point picture_carrier",
    places="Blocks SHARES content_room record_places share_of",
    qim="ALL_FILM_POINTS FILM_POINTS FREQUENCIES GROUP OperatingPoint coefficients information luma sines sureness",
    reader="GroupReader PictureReader read_film",
    record="Reading coded_bits dither_of group_dither make_header new_nonce robust_key used_blocks",
    regions="hidden_area region_means robust_salts salts_of textures",
)
