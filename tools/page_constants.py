"""Writes the constants of the page that are Python's: numbers of the format, promises of hiding, tables of forecasts.

python -m tools.page_constants

The page's JavaScript reads stegnet/gui/page/constants.js, and types none of them again.
"""

import json
import pkgutil
from collections.abc import Iterator
from dataclasses import astuple, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).parents[1] / "stegnet/gui/page/constants.js"
HEAD = "/** Written by `python -m tools.page_constants` from Python's own constants: change those. */\n"

# The constants of each group of the page, by the modules of stegnet, or their settings, that define them.
GROUPS: dict[str, list[tuple[str, str]]] = {
    "BARE_AVIF": [("image.avif", "LOWEST HIGHEST COLOURS AV1 ESSENTIAL")],
    "BASE": [
        ("record.coding", "KINDS"),
        ("record.base", "GAIN_UNIT GAIN_BIAS MAX_GAIN_CODE"),
        ("core.pixels", "BLOCK GREY HIDDEN_RMS MIN_RMS"),
    ],
    "CHANNELS": [
        ("channels.destinations", "MESSENGER"),
        ("channels.channel_table", "MESSENGER_SIDE MESSENGER_QUALITIES BEST ABOVE"),
    ],
    "CONTENT": [
        ("methods.robust.robust_content", "PICTURE_NUMBERS FILE_NUMBER HEAD_BYTES PICTURE_BYTES MOST_SIDE"),
        ("methods.robust.robust_content", "MOST_PIXELS PIXEL_RATIO"),
        ("methods.robust.robust_content", "SMALLEST FULL_RATE PER_OCTAVE REACH SPEEDS"),
    ],
    "COSTS": [("sealing.costs", "MEDIAN WET"), ("kernels", "SHARP")],
    "DECOYS": [("sealing.decoys", "LEAST_CHANGED ROWS SHIFTS CLUSTERED")],
    "DIAGNOSIS": [("record.reading", "LISTED")],
    "ERASURE": [("record.spread", "SHARES POLYNOMIAL ORDER")],
    "FEC": [("sealing.fec", "RATES LOWEST HIGHEST LONGEST ITERATIONS REPEATED COMMON DEGREES LARGEST LEAST")],
    "CAPACITY": [
        ("methods.robust.robust_pictures", "ROBUST_RATES"),
        ("methods.robust.robust_options", "CONTAINER_PSNR"),
    ],
    "GRID": [
        ("methods.robust.grid", "SHORTEST PER_DOUBLING LEAST_SHARE"),
        ("sealing.content_salts", "THUMBNAIL SALT_STEP=QUANTUM_OF_COPIES"),
        ("methods.robust.grid", "BLURRED=BLUR_FACTOR SIDE SURENESS"),
    ],
    "EVIDENCE": [
        ("media.evidence.pictures", "FLAT FOLLOWS REPEATS ASKS_FOR_PHOTOGRAPH"),
        ("media.evidence.detection", "HARD_DEFLECTION"),
        ("media.evidence.lattice", "COPY LACKS_COLOURS LACKS_LEVELS"),
        ("jpeg.evidence", "OTHER_GRID TWICE JPEG_REPEATS LOW OFTEN GAP MOST_GAPS"),
        ("pixels.medium", "RECORD_CHANGES BYTE_CHANGES"),
    ],
    "LOSSY_FORMATS": [("formats.signatures", "LOSSY"), ("media.cover", "LOSSY_WEBP"), ("formats.opened_file", "HEIC")],
    "JPEG": [
        ("jpeg.scan_encoder", "LONGEST_RUN MOST_WAITING"),
        ("jpeg.samples.COST_SETTINGS", "MIDDLE"),
        ("jpeg.samples", "CARRIED"),
        ("jpeg.samples.COEFFICIENTS", "GROUP=SHARE"),
        ("jpeg.cover", "FINEST TOO_FINE TOO_FINE_WAY_OUT"),
        ("methods.jpeg", "USUAL_QUALITY"),
        ("jpeg.medium", "MOST_RATE MOST_BESIDE RATE STEP=QUANTUM HIGHEST_RATE MEASURED"),
    ],
    "JPEG_COSTS": [
        ("jpeg.samples.COST_SETTINGS", "STABILISER"),
        ("jpeg.samples", "HIGH LOW"),
        ("jpeg.samples.COST_SETTINGS", "WINDOW KNOWN ESTIMATED RATIONAL TIE"),
    ],
    "KEYS": [
        ("keys.keytext", "KEY IDENTITY RECIPIENT KEY_COMMENT IDENTITY_COMMENT KEY_PART OTHER_KEY KEY_BYTES MOST_BYTES"),
        ("keys.sources", "EPHEMERAL_TRITS SALT_BYTES SECRET_BYTES FILM_ID_BYTES ANCHORS MOST_TRIES SCRYPT"),
        ("keys.sources", "MAX_PASSPHRASE"),
    ],
    "MODEM": [
        ("core.pixels", "BLOCK DITHER"),
        ("methods.robust.robust_modem", "AROUND PATCHES"),
        ("methods.robust.picture_reader", "MANY"),
    ],
    "QUALITY": [("networks.secret_quality", "POOR LEAST")],
    "READING": [("record.reading", "MAX_PIXEL_RATIO"), ("core.pixels", "LARGE_PHOTOGRAPH LARGEST_RATIO")],
    "RECORD": [
        ("record.coding", "NUMBERS"),
        ("record.coding.RecordKind", "FILE SPREAD SPARE PART"),
        ("record.coding", "MAX_SIDE MAX_BLOCK MAX_FRAMES MAX_NAME"),
        ("record.coding", "MAX_PIXELS MAX_PART MAX_STAMP MAX_SECONDS"),
    ],
    "REGIONS": [("sealing.content_salts", "REGIONS"), ("methods.robust.grid", "LUMA")],
    "ROBUST_RECORD": [
        ("methods.robust.robust_record", "HEADER_BYTES HEADER HEADER_ITERATIONS"),
        ("methods.robust.operating_points", "SHARES"),
        ("methods.robust.block_placement", "RANDOM_BITS HEADER_SHARE MOST_HEADER BITS_OF_CHOSEN MOST_CHOICE"),
        ("methods.robust.grid", "SALT"),
        ("sealing.content_salts", "STEP=QUANTUM NEAR=EDGE_MARGIN MOST_NEAR=MOST_MOVED_MEANS MOST_SALTS"),
    ],
    "SAMPLE_ORDER": [
        ("sealing.sample_order", "LEAD_BYTES LEAD_TRITS MAC_BYTES MAC_TRITS"),
        ("sealing.sample_order.FORMAT", "STRIDE SALT RUN SHARE MOST_UNITS PLACES EPHEMERAL"),
    ],
    "SEAL": [
        ("sealing.embedding", "FILM_EFFORT PICTURE_EFFORT ORDERS FREE=FREE_SUMS"),
        ("sealing.zones", "GREY"),
    ],
    "SEALED": [("pixels.medium", "RATE MEASURED")],
    "SECURE": [
        ("results.figures", "EASY_TIMES EASY_CHANGES ALWAYS"),
        ("results.figures.Detection", "HARD POSSIBLE EASY"),
        ("results.figures", "WORDS=DETECTION_WORDS ALWAYS_FOUND UNMEASURED EMPTY_BAND"),
        ("media.condition.Premise", "CAMERA NEVER_LOSSY UNPUBLISHED"),
    ],
    "SHOWN": [("core.measures", "GAIN=DIFFERENCE_GAIN")],
    "SHUFFLE": [("core.keystream", "NEGATIVE")],
    "SPREAD": [("record.spread", "SMALL RISK")],
    "SURVIVAL": [
        ("methods.robust.robust_pictures", "WRITTEN_QUALITY"),
        ("methods.robust.robust_pictures", "LARGE=LARGE_PIXELS SQUARE=SQUARE_SIDE CODEWORDS MARGIN ATTEMPTS"),
        ("methods.robust.robust_pictures", "TEXTURED=TEXTURED_ATTEMPTS SPARED=SPARED_RATE LOST=LOST_ONE_IN"),
        ("methods.robust.robust_pictures", "UNEVEN=UNEVEN_LOSS GRID=BLOCK_GRID"),
        ("methods.robust.robust_pictures", "SAMPLED_ABOVE SAMPLE_PIXELS BAND_BLOCKS NEAR_WORST MOST_WORST"),
    ],
    "TEXTS": [("core.names", "TEXT_NAME MOST_TEXT")],
    "TRELLIS": [("sealing.trellis", "HEIGHTS MAX_WIDTH TURNS BITS TRITS MAX_LANES LEAST_ROWS COLUMNS")],
    "RECORD_ZONE": [("sealing.zones", "GREY_SHARE TOGETHER")],
}


def page_constants() -> str:
    """The text of the module."""
    return HEAD + "".join(_group(name, parts) for name, parts in GROUPS.items())


def _group(name: str, parts: list[tuple[str, str]]) -> str:
    lines = (f"  {constant}: {json.dumps(_plain(value))},\n" for constant, value in _constants(parts))
    return f"\nexport const {name} = {{\n{''.join(lines)}}};\n"


def _constants(parts: list[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
    """Yield the page's names and their values.

    A path leads to a module, or to a value in it whose fields have names in small letters. `NAME=FIELD` gives a field
    that has another name in Python. Names that other modules do not import have an underscore before them.
    """
    for path, names in parts:
        source = pkgutil.resolve_name(f"stegnet.{path}")
        for entry in names.split():
            name, _, field = entry.partition("=")
            spellings = [field or name, f"_{field or name}", (field or name).lower()]
            yield name, next(getattr(source, spelling) for spelling in spellings if hasattr(source, spelling))


def _plain(value: Any) -> Any:
    """A value as JavaScript takes it; a table whose keys are no names becomes pairs, a range its first and last."""
    value = value.value if isinstance(value, Enum) else value
    if isinstance(value, dict):
        named = all(isinstance(key, str) for key in value)
        pairs = [(key, _plain(each)) for key, each in value.items()]
        return dict(pairs) if named else pairs
    if isinstance(value, range):
        return [value[0], value[-1]]
    if isinstance(value, bytes):
        return value.decode() if value.isascii() and value.decode().isprintable() else list(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(astuple(value))
    value = sorted(value) if isinstance(value, set) else value
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


if __name__ == "__main__":
    PATH.write_text(page_constants(), "utf-8")
