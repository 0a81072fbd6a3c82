"""Writes the constants of the page that are Python's: numbers of the format, promises of hiding, tables of forecasts.

python -m tools.page_constants

The page's JavaScript reads stegnet/gui/page/constants.js, and types none of them again.
"""

import json
from collections.abc import Iterator
from dataclasses import astuple, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).parents[1] / "stegnet/gui/page/constants.js"
HEAD = "/** Written by `python -m tools.page_constants` from Python's own constants: change those. */\n"

# The constants of each group of the page, by the modules of stegnet, or their settings, that define them.
GROUPS: dict[str, list[tuple[str, str]]] = {
    "BARE_AVIF": [("image.avif", "LOWEST HIGHEST COLOURS AV1 ESSENTIAL")],
    "BASE": [
        ("record.base", "KINDS GAIN_UNIT GAIN_BIAS MAX_GAIN_CODE"),
        ("core.pixels", "BLOCK GREY HIDDEN_RMS MIN_RMS"),
    ],
    "CARRIERS": [("sealing.carriers", "LEAD_BITS MAC_BITS TAG_BYTES STRIDE SALT RUN GROUP MOST_GROUP")],
    "CHANNELS": [("methods.robust.channels", "MESSENGER MESSENGER_SIDE MESSENGER_QUALITIES BEST ABOVE")],
    "CONTENT": [
        (
            "methods.robust.survival",
            "PICTURE_NUMBERS FILE_NUMBER HEAD_BYTES PICTURE_BYTES MOST_SIDE MOST_PIXELS PIXEL_RATIO WRITTEN_RATIO",
        ),
        ("methods.robust.survival", "SMALLEST FULL_RATE PER_OCTAVE REACH SPEEDS"),
    ],
    "COSTS": [("sealing.costs", "MEDIAN WET SHARP")],
    "DECOYS": [("sealing.decoys", "LEAST_CHANGED ROWS SHIFTS CLUSTERED")],
    "DIAGNOSIS": [("record.reading", "LISTED")],
    "ERASURE": [("record.spread", "SHARES POLYNOMIAL ORDER")],
    "FEC": [("methods.robust.fec", "RATES LOWEST HIGHEST LONGEST ITERATIONS REPEATED COMMON DEGREES LARGEST LEAST")],
    "CAPACITY_TABLES": [
        ("media.capacity_tables", "PICTURES ROBUST_RATES"),
        ("methods.robust.channels", "CONTAINER_PSNR"),
    ],
    "GRID": [("methods.robust.grid", "SHORTEST PER_DOUBLING THUMBNAIL SALT_STEP BLURRED SIDE SURENESS")],
    "TRACES": [
        ("media.cover", "LOSSY LOSSY_WEBP"),
        ("formats.opened_file", "HEIC"),
        ("media.compression_traces", "COPY FLAT TWICE WEBP STEPS"),
        ("media.compression_traces:SETTINGS", "MOSTLY LOOKED_AT FEW NEARLY_ALL SIDE FREQUENCIES ENOUGH PERIODIC"),
        ("media.compression_traces:SETTINGS", "LOW OFTEN GAP MOST_GAPS"),
    ],
    "JPEG": [
        ("image.jpeg_scan_encoder", "LONGEST_RUN MOST_WAITING"),
        ("sealing.jpeg_carriers", "MIDDLE CARRIED GROUP"),
        ("media.jpeg_cover", "FINEST"),
        ("methods.jpeg", "USUAL_QUALITY"),
        ("methods.jpeg", "MOST_RATE MOST_BESIDE RATE STEP HIGHEST_RATE MEASURED"),
    ],
    "JPEG_COSTS": [("sealing.jpeg_carriers", "STABILISER HIGH LOW WINDOW KNOWN ESTIMATED USUAL WET RATIONAL TIE")],
    "KEYS": [
        ("keys.keytext", "KEY KEY_BYTES MOST_BYTES"),
        ("keys.keyfiles", "KEY_COMMENT"),
        ("keys.keys", "SALT_BYTES SECRET_BYTES FILM_ID_BYTES ANCHORS MOST_TRIES SCRYPT MAX_PASSPHRASE"),
    ],
    "MODEM": [
        ("core.pixels", "BLOCK DITHER"),
        ("methods.robust.robust_modem", "AROUND PATCHES"),
        ("methods.robust.robust_modem", "MANY"),
    ],
    "QUALITY": [("networks.secret_quality", "POOR LEAST")],
    "READING": [("record.reading", "MAX_PIXEL_RATIO")],
    "RECORD": [
        ("record.record", "NUMBERS SPREAD SPARE ANAMORPHIC MAX_SIDE MAX_BLOCK MAX_FRAMES MAX_NAME MAX_PIXELS MAX_PART"),
        ("record.record", "MAX_STAMP MAX_SECONDS"),
    ],
    "REGIONS": [("methods.robust.grid", "REGIONS LUMA")],
    "ROBUST_RECORD": [
        ("methods.robust.robust_record", "HEADER_BYTES HEADER HEADER_ITERATIONS"),
        ("methods.robust.robust_record", "SHARES RANDOM_BITS HEADER_SHARE MOST_HEADER BITS_OF_CHOSEN MOST_CHOICE"),
        ("methods.robust.grid", "SALT STEP NEAR MOST_NEAR MOST_SALTS"),
    ],
    "SEAL": [("sealing.embedding", "VERSION NONCE_BYTES MAC_BYTES FILM_EFFORT PICTURE_EFFORT GREY ORDERS STUCK")],
    "SEALED": [("methods.sealed", "RATE MEASURED")],
    "SECURE": [("results.figures", "EASY_TIMES ALWAYS HARD POSSIBLE EASY WORDS")],
    "SHOWN": [("gui.jobs", "GAIN")],
    "SHUFFLE": [("core.keystream", "NEGATIVE")],
    "SPREAD": [("record.spread", "SMALL RISK")],
    "SURVIVAL": [
        ("methods.robust.robust_pictures", "WRITTEN_QUALITY LARGE SQUARE CODEWORDS MARGIN ATTEMPTS TEXTURED"),
        ("methods.robust.robust_pictures", "SPARED LOST UNEVEN GRID"),
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
    """Names and values; those that other modules do not import have an underscore before their names.

    A colon in a path comes before the name of a module's settings, whose fields have these names in lowercase.
    """
    for path, names in parts:
        name_of_module, _, settings = path.partition(":")
        module = import_module(f"stegnet.{name_of_module}")
        for name in names.split():
            if settings:
                yield name, getattr(getattr(module, settings), name.lower())
            else:
                yield name, getattr(module, name if hasattr(module, name) else f"_{name}")


def _plain(value: Any) -> Any:
    """A value as JavaScript takes it; a table whose keys are no names becomes pairs, a range its first and last."""
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
    if is_dataclass(value):
        return _plain(astuple(value))
    value = sorted(value) if isinstance(value, set) else value
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


if __name__ == "__main__":
    PATH.write_text(page_constants(), "utf-8")
