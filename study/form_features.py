"""Features of a file's form, whatever its samples: headers, sizes and order of its parts, tables, vendors' names.

`features` returns numbers and texts by name. Nothing here uses the project's own parsers and writers: what these
misread would stay unseen.
"""

import struct
import subprocess
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from study.bitstreams import FLAC_FIGURES, INFLATE_FIGURES, flac_frames, inflate_figures, least_sums
from study.film_features import FormFeatures, boxes_features, digest, ebml_features

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of PNG's colour types
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_CHUNKS = (
    *("gAMA", "cHRM", "sRGB", "iCCP", "cICP", "sBIT", "bKGD", "pHYs", "tIME", "tEXt", "zTXt", "iTXt", "eXIf"),
    *("tRNS", "PLTE", "IEND"),
)
_SOI, _EOI, _SOS, _DHT, _DQT, _DRI, _COM, _APP0 = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xDD, 0xFE, 0xE0
_FRAMES = {0xC0, 0xC1, 0xC2}
# Numbers of codes by length of the tables of ITU-T T.81, annex K.3.
_STANDARD = {
    *("DC 0,1,5,1,1,1,1,1,1,0,0,0,0,0,0,0", "DC 0,3,1,1,1,1,1,1,1,1,1,0,0,0,0,0"),
    *("AC 0,2,1,3,3,2,4,3,5,5,4,4,0,0,1,125", "AC 0,2,1,2,4,4,3,4,7,5,4,4,0,1,2,119"),
}
# Luma steps of annex K.1, which libjpeg scales by quality.
_K1 = np.array(
    [
        *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58),
        *(51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103),
        *(62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
    ]
)


def features(path: Path) -> FormFeatures:
    """Features of a file, by its content; ValueError for a format that is not parsed here."""
    data = path.read_bytes()
    if data.startswith(_PNG_SIGNATURE):
        found = png_features(data)
    elif data.startswith(b"\xff\xd8"):
        found = jpeg_features(data)
    elif data.startswith((b"RIFF", b"RF64")):
        found = riff_features(data)
    elif data.startswith((b"fLaC", b"ID3")):
        found = flac_features(data)
    elif data.startswith(bytes.fromhex("1a45dfa3")):
        found = ebml_features(data)
    elif data[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        found = boxes_features(data)
    else:
        raise ValueError(f"{path}: its form is not known")
    return found | {f"size % {step}": len(data) % step for step in (2, 4, 8, 16, 1000)}


# PNG (W3C PNG, third edition; RFC 1950 and 1951)


def png_features(data: bytes) -> FormFeatures:
    """Features of chunks, filters, and the compressed stream."""
    chunks, place = [], 8
    while place + 12 <= len(data):
        (length,), name = struct.unpack_from(">I", data, place), data[place + 4 : place + 8].decode("latin-1")
        content, crc = data[place + 8 : place + 8 + length], data[place + 8 + length : place + 12 + length]
        chunks.append((name, content, zlib.crc32(name.encode("latin-1") + content) == int.from_bytes(crc, "big")))
        place += 12 + length
    names = [name for name, _, _ in chunks]
    width, height, depth, colour, *modes = struct.unpack(">IIBBBBB", chunks[0][1])
    parts = [content for name, content, _ in chunks if name == "IDAT"]
    stream, sizes = b"".join(parts), [len(part) for part in parts]
    found: FormFeatures = {
        "chunks": " ".join(name for name, before in zip(names, ["", *names], strict=False) if name != before),
        "number of chunks": len(chunks),
        "bytes after IEND": len(data) - place,
        "wrong checksums": sum(not right for *_, right in chunks),
        "bit depth": depth,
        "colour type": colour,
        "interlaced": modes[2],
        "IDATs": len(parts),
        "first IDAT": sizes[0],
        "largest IDAT": max(sizes),
        "last IDAT": sizes[-1] if len(sizes) > 1 else -1,
        "all IDATs but the last are alike": float(len(set(sizes[:-1])) <= 1),
        "empty IDATs": sizes.count(0),
        "zlib header": stream[:2].hex(),
        "zlib window": stream[0] >> 4,
        "zlib level": stream[1] >> 6,
    }
    for name in _CHUNKS:
        contents = [content for each, content, _ in chunks if each == name]
        found |= {f"{name}s": len(contents), name: digest(b"".join(contents))}
        found[f"bytes of {name}"] = sum(map(len, contents))
    bits = depth * _CHANNELS[colour]
    raw = zlib.decompressobj().decompress(stream)
    found |= _deflate_features(stream, raw, max(1, bits // 8), 1 + (width * bits + 7) // 8)
    return found | _filter_features(raw, width, height, bits, modes[2] == 1)


def _deflate_features(stream: bytes, raw: bytes, pixel: int, row: int) -> FormFeatures:
    counts = dict(zip(INFLATE_FIGURES, inflate_figures(np.frombuffer(stream, np.uint8), pixel, row), strict=True))
    symbols = counts["literals"] + counts["matches"]
    blocks = counts["stored blocks"] + counts["fixed blocks"] + counts["dynamic blocks"]
    found = {name: float(value) for name, value in counts.items()}
    for name in ("literals", "matches"):
        found[f"share of {name}"] = found.pop(name) / max(1, symbols)
    for name in ("distance 1", "distance of a pixel", "distance of a row", "length 258", "length 3", "total length"):
        found[f"{name} by matches"] = found.pop(name) / max(1, counts["matches"])
    found["symbols by block"] = symbols / max(1, blocks)
    found["only distances of 1"] = float(counts["matches"] > 0 and counts["distance 1"] == counts["matches"])
    for level in (1, 6, 9):
        for name, strategy in (("", zlib.Z_DEFAULT_STRATEGY), (" filtered", zlib.Z_FILTERED), (" RLE", zlib.Z_RLE)):
            coder = zlib.compressobj(level, zlib.DEFLATED, 15, 9 if name else 8, strategy)
            again = coder.compress(raw) + coder.flush()
            found[f"size by that of level {level}{name}"] = len(stream) / len(again)
    return found


def _filter_features(raw: bytes, width: int, height: int, bits: int, interlaced: bool) -> FormFeatures:
    """Histogram of filters, and how far they follow the rule of the least sum of absolute differences."""
    types, follows, changed, place = [], [], 0, 0
    for top, left, down, across in _PASSES if interlaced else ((0, 0, 1, 1),):
        cols, rows = -(-(width - left) // across), -(-(height - top) // down)
        if cols <= 0 or rows <= 0:
            continue
        length = (cols * bits + 7) // 8
        lines = np.frombuffer(raw, np.uint8, rows * (length + 1), place).reshape(rows, length + 1)
        place += lines.size
        types += lines[:, 0].tolist()
        if bits >= 8:
            follows += least_sums(lines, bits // 8).tolist()
    kinds = np.array(types)
    changed = int(np.count_nonzero(np.diff(kinds)))
    found: FormFeatures = {f"rows of filter {kind}": float((kinds == kind).mean()) for kind in range(5)}
    found |= {"filter of the first row": types[0], "filter of the second row": types[min(1, len(types) - 1)]}
    found |= {"filter changes by row": changed / len(types), "kinds of filters": len(set(types))}
    found["rows by the least sum"] = float(np.mean(follows)) if follows else -1.0
    found["filtered bytes left over"] = len(raw) - place
    return found


# JPEG (ITU-T T.81; JFIF 1.02)


def jpeg_features(data: bytes) -> FormFeatures:
    """Features of markers, tables, and scans; whether Huffman tables are the best is asked from jpegtran."""
    segments, scans, end = _segments(data)
    order = [f"{marker:02x}" for marker, _ in segments]
    found: FormFeatures = {"markers": " ".join(order), "segments": len(segments), "bytes after the end": end}
    counts = Counter(marker for marker, _ in segments)
    found |= {
        f"{name}s": counts[marker] for name, marker in (("DHT", _DHT), ("DQT", _DQT), ("DRI", _DRI), ("COM", _COM))
    }
    found |= {f"APP{number}s": counts[_APP0 + number] for number in range(16)}
    found |= {f"APP{number}": _all(segments, _APP0 + number) for number in range(16)}
    found |= {"COM": _all(segments, _COM), "DRI": _all(segments, _DRI)}
    found |= {"bytes of metadata": sum(len(part) for marker, part in segments if marker >= _APP0)}
    for marker, part in segments:
        if marker == _APP0 and part[:5] == b"JFIF\0":
            found |= dict(zip(("JFIF major", "JFIF minor", "density unit", "density"), part[5:9], strict=False))
            found |= {"density": struct.unpack_from(">H", part, 8)[0], "thumbnail": sum(part[12:14])}
    found |= _frame_features(segments) | _table_features(segments)
    scripts = [part.hex() for marker, part in segments if marker == _SOS]
    found |= {"scans": len(scripts), "script": digest(" ".join(scripts).encode()), "first scan": scripts[0]}
    found |= {"last bits": digest(bytes(scan[-1] & 1 for scan in scans)), "ends of scans in 1": _ones(scans)}
    found |= {"stuffed ends": sum(scan.endswith(b"\xff\0") for scan in scans)}
    return found | _optimal(data, segments, scans)


def _segments(data: bytes) -> tuple[list[tuple[int, bytes]], list[bytes], int]:
    """Markers with their contents, the data of each scan, and the number of bytes after the picture."""
    segments, scans, place = [], [], 2
    while place < len(data):
        marker, place = data[place + 1], place + 2
        if marker == _EOI:
            break
        if marker == 0xFF:  # a fill byte
            segments.append((marker, b""))
            place -= 1
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        segments.append((marker, data[place + 2 : place + length]))
        place += length
        if marker == _SOS:
            start = place
            while data[place] != 0xFF or data[place + 1] == 0 or 0xD0 <= data[place + 1] <= 0xD7:
                place = data.index(b"\xff", place + 1) if data[place] != 0xFF else data.index(b"\xff", place + 2)
            scans.append(data[start:place])
    return segments, scans, len(data) - place


def _all(segments: list[tuple[int, bytes]], marker: int) -> str:
    return digest(b"\0".join(part for each, part in segments if each == marker))


def _ones(scans: list[bytes]) -> float:
    """Share of scans whose last bit is 1, with which encoders fill up the last byte."""
    return float(np.mean([scan[-1] & 1 if scan[-1] or len(scan) < 2 else scan[-2] & 1 for scan in scans]))


def _frame_features(segments: list[tuple[int, bytes]]) -> FormFeatures:
    marker, frame = next((marker, part) for marker, part in segments if marker in _FRAMES)
    parts = [frame[6 + 3 * index : 9 + 3 * index] for index in range(frame[5])]
    found: FormFeatures = {"frame": marker, "precision": frame[0], "components": frame[5]}
    for index in range(3):
        number, sampling, table = parts[index] if index < len(parts) else (-1, -1, -1)
        found |= {f"component {index}": number, f"sampling {index}": sampling, f"table {index}": table}
    return found


def _table_features(segments: list[tuple[int, bytes]]) -> FormFeatures:
    quantisation = [part for marker, part in segments if marker == _DQT]
    tables = [part for marker, part in segments if marker == _DHT]
    steps = np.frombuffer(quantisation[0][1:65], np.uint8).astype(int)
    scales = [quality for quality in range(1, 101) if (_scaled(quality) == steps).all()]
    found: FormFeatures = {
        "steps": digest(b"".join(quantisation)),
        "libjpeg's quality": scales[-1] if scales else -1,
        "bytes of DQT": sum(map(len, quantisation)),
        "first DQT": len(quantisation[0]),
        "bytes of DHT": sum(map(len, tables)),
        "first DHT": len(tables[0]) if tables else 0,
    }
    codes = list(_huffman(tables))
    names = [f"{'AC' if key >> 4 else 'DC'} {','.join(map(str, counts))}" for key, counts, _ in codes]
    found |= {"Huffman tables": len(codes), "order of Huffman tables": " ".join(f"{key:02x}" for key, _, _ in codes)}
    found |= {"standard Huffman tables": float(np.mean([name in _STANDARD for name in names])) if names else -1.0}
    longest = [max(np.flatnonzero(counts), default=0) + 1 for _, counts, _ in codes]
    found |= {"longest code": max(longest, default=0)}
    return found | {
        "tables that leave a code out": float(np.mean([_is_incomplete(each) for _, each, _ in codes] or [0]))
    }


def _scaled(quality: int) -> np.ndarray:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_K1 * scale + 50) // 100, 1, 255)


def _huffman(segments: list[bytes]) -> Iterator[tuple[int, tuple[int, ...], bytes]]:
    for part in segments:
        place = 0
        while place < len(part):
            counts = tuple(part[place + 1 : place + 17])
            last = place + 17 + sum(counts)
            yield part[place], counts, part[place + 17 : last]
            place = last


def _is_incomplete(counts: tuple[int, ...]) -> bool:
    """True if the code of only ones is the only one that no symbol has, as libjpeg makes it."""
    longest = max(np.flatnonzero(counts), default=0) + 1
    return sum(count << (16 - length) for length, count in enumerate(counts, 1)) == (1 << 16) - (1 << (16 - longest))


def _optimal(data: bytes, segments: list[tuple[int, bytes]], scans: list[bytes]) -> FormFeatures:
    """Whether tables and scans are those that `jpegtran -optimize` makes with the same script of scans."""
    with TemporaryDirectory() as folder:
        source, script, out = Path(folder, "in.jpg"), Path(folder, "scans"), Path(folder, "out.jpg")
        source.write_bytes(data)
        script.write_text("".join(_scan_lines(segments)))
        command = ["jpegtran", "-optimize", "-copy", "all", "-scans", script, "-outfile", out, source]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            return {"optimal tables": -1.0, "optimal scans": -1.0, "size by the optimal": -1.0}
        best, best_scans, _ = _segments(out.read_bytes())
    tables = [
        [(key, *rest) for key, *rest in _huffman([part for marker, part in each if marker == _DHT])]
        for each in (segments, best)
    ]
    same = [mine == its for mine, its in zip(scans, best_scans, strict=False)]
    return {
        "optimal tables": float(sorted(tables[0]) == sorted(tables[1])),
        "optimal scans": float(np.mean(same)),
        "size by the optimal": sum(map(len, scans)) / sum(map(len, best_scans)),
    }


def _scan_lines(segments: list[tuple[int, bytes]]) -> Iterator[str]:
    """The script of scans as jpegtran reads it."""
    frame = next(part for marker, part in segments if marker in _FRAMES)
    numbers = [frame[6 + 3 * index] for index in range(frame[5])]
    progressive = any(marker == 0xC2 for marker, _ in segments)
    for marker, part in segments:
        if marker == _SOS:
            chosen = " ".join(str(numbers.index(part[1 + 2 * index])) for index in range(part[0]))
            first, last, bits = part[1 + 2 * part[0] : 4 + 2 * part[0]]
            yield f"{chosen}: {first} {last} {bits >> 4} {bits & 15};\n" if progressive else f"{chosen};\n"


# RIFF: WAV (Microsoft's RIFF)


def riff_features(data: bytes) -> FormFeatures:
    """Features of chunks, and of WAV's format."""
    chunks, place = [], 12
    while place + 8 <= len(data):
        name, (length,) = data[place : place + 4].decode("latin-1"), struct.unpack_from("<I", data, place + 4)
        chunks.append((name, data[place + 8 : place + 8 + length]))
        place += 8 + length + length % 2
    said = int.from_bytes(data[4:8], "little") + 8
    found: FormFeatures = {"kind": data[8:12].decode("latin-1"), "chunks": " ".join(name for name, _ in chunks)}
    found |= {"number of chunks": len(chunks), "bytes after the end": len(data) - said, "bytes left": len(data) - place}
    contents = dict(chunks)
    for name in ("fmt ", "fact", "LIST", "bext", "JUNK", "PEAK", "id3 ", "cue "):
        found |= {f"bytes of {name}": len(contents.get(name, b"")), name: digest(contents.get(name, b""))}
    if "fmt " in contents:
        fields = struct.unpack_from("<HHIIHH", contents["fmt "])
        names = ("format", "channels", "rate", "bytes a second", "bytes a sample", "bits")
        found |= dict(zip(names, fields, strict=True))
        start = data.index(b"data") + 8
        found |= {
            "start of samples": start,
            "start % 512": start % 512,
            "odd samples": len(contents.get("data", b"")) % 2,
        }
        found |= {"samples % 1024": len(contents.get("data", b"")) // max(1, fields[4]) % 1024}
    return found


# FLAC (RFC 9639)


def flac_features(data: bytes) -> FormFeatures:
    """Features of metadata blocks, frame headers and subframes."""
    before = data.index(b"fLaC")
    blocks, place, last = [], before + 4, False
    while not last:
        last, kind, length = (
            data[place] >> 7 == 1,
            data[place] & 127,
            int.from_bytes(data[place + 1 : place + 4], "big"),
        )
        blocks.append((kind, data[place + 4 : place + 4 + length]))
        place += 4 + length
    info = blocks[0][1]
    packed = int.from_bytes(info[10:18], "big")
    comment = next((part for kind, part in blocks if kind == 4), b"")
    found: FormFeatures = {
        "blocks": " ".join(str(kind) for kind, _ in blocks),
        "bytes before": before,
        "least block": int.from_bytes(info[:2], "big"),
        "largest block": int.from_bytes(info[2:4], "big"),
        "least frame is said": float(any(info[4:7])),
        "largest frame is said": float(any(info[7:10])),
        "rate": packed >> 44,
        "channels": (packed >> 41 & 7) + 1,
        "bits": (packed >> 36 & 31) + 1,
        "samples are said": float(packed & (1 << 36) - 1 > 0),
        "MD5 is said": float(any(info[18:34])),
        "vendor": comment[4 : 4 + int.from_bytes(comment[:4], "little")].decode("latin-1"),
        "comments": digest(comment[4 + int.from_bytes(comment[:4], "little") :]) if comment else "",
        "padding": sum(len(part) for kind, part in blocks if kind == 1),
        "seek points": sum(len(part) for kind, part in blocks if kind == 3) // 18,
        "start % 8": place % 8,
    }
    for kind in range(7):
        found[f"bytes of block {kind}"] = sum(len(part) for each, part in blocks if each == kind)
    counts = dict(zip(FLAC_FIGURES, flac_frames(np.frombuffer(data, np.uint8), place, found["bits"]), strict=True))
    sizes = int.from_bytes(info[4:7], "big"), int.from_bytes(info[7:10], "big")
    found["frame sizes are right"] = float(sizes == (counts.pop("least frame"), counts.pop("largest frame")))
    frames, subframes = max(1, counts.pop("frames")), max(1, counts.pop("subframes"))
    for name, value in counts.items():
        found[name] = value / (frames if name.startswith("frames of") else subframes if "subframes" in name else 1)
    return found
