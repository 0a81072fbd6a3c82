"""The method "robust": bits that survive JPEG, and in films H.264 and its like (`stegnet.methods.robust_film`).

`fec` corrects errors, `modem` runs the networks, `places` says which blocks carry what, `record` has keys and records,
`regions` what salts are made of, `grid` the sizes at which they are hidden, `registration` where they are in cropped
pictures and copies; `reader` finds them, `content` is what is in them; `channels` simulates what may happen to them,
`survival` hides what comes back, `own_jpeg` writes it into the cover's own JPEG, `pictures` from file to file;
`robust_method` is the method itself.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    options="CONTAINER_PSNR ROBUST RobustOptions",
    channels="Channel MESSENGER parse_channel",
    content="FoundContent file_bytes file_content fit_picture parse_content read_robust",
    fec="HIGHEST LOWEST RATES",
    modem="BLOCK Modem Rung read_rungs",
    own_jpeg="OwnJpeg",
    parts="hide_tiled",
    reader="picture_reader",
    places="SHARES Places chosen header_blocks places_of_rungs record_places share_of",
    record="Blocks Ratios Reading coded_bits content_room dither_of header_evidence header_signs in_order make_header "
    "new_nonce read_bits robust_key used_blocks with_losses",
    regions="hidden_area region_means robust_salts salts_of textures",
    survival="Promise SAVED Survivor WRITTEN_QUALITY best_rate best_rung choose_rung hide_robust information",
)
