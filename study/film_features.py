"""Features of a film's form: elements of Matroska, boxes of MP4, units and headers of H.264.

Names of features are paths of elements: how often each occurs, in what order, how its length is coded, what it holds.
"""

import hashlib
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

FormFeatures = dict[str, float | str]

# Elements that hold others (RFC 9559), by identifier.
_MASTERS = {
    *("1a45dfa3", "18538067", "114d9b74", "4dbb", "1549a966", "1654ae6b", "ae", "e0", "e1", "55b0", "55d0", "1f43b675"),
    *("a0", "1c53bb6b", "bb", "b7", "1254c367", "7373", "63c0", "67c8", "1941a469", "61a7", "1043a770", "45b9", "b6"),
    *("80", "6d80", "6240", "5035", "7670"),
}
_NAMES = {
    **{"1a45dfa3": "EBML", "18538067": "Segment", "114d9b74": "SeekHead", "4dbb": "Seek", "1549a966": "Info"},
    **{"1654ae6b": "Tracks", "ae": "TrackEntry", "e0": "Video", "e1": "Audio", "55b0": "Colour", "1f43b675": "Cluster"},
    **{"a0": "BlockGroup", "a3": "SimpleBlock", "a1": "Block", "1c53bb6b": "Cues", "bb": "CuePoint", "ec": "Void"},
    **{"b7": "CueTrackPositions", "1254c367": "Tags", "7373": "Tag", "63c0": "Targets", "67c8": "SimpleTag"},
    **{"45a3": "TagName", "4487": "TagString", "bf": "CRC-32", "4d80": "MuxingApp", "5741": "WritingApp"},
    **{"4489": "Duration", "2ad7b1": "TimestampScale", "63a2": "CodecPrivate", "86": "CodecID", "73c5": "TrackUID"},
    **{"73a4": "SegmentUID", "4461": "DateUTC", "e7": "Timestamp", "22b59c": "Language", "23e383": "DefaultDuration"},
    **{"55d0": "MasteringMetadata", "7ba9": "Title", "536e": "Name"},
}
_RANDOM = {"73a4", "73c5", "46ae", "63c5", "63c6", "bf", "53ac", "f1", "f0"}  # identifiers, checksums, places
_CLUSTER, _BLOCKS, _SMALL = "1f43b675", {"a3", "a1"}, 64
_TAG, _TAG_NAME, _TAG_TEXT = "7373", "45a3", "4487"
_HOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"ilst", b"mvex", b"moof", b"traf"}
_WORDS, _FRAMES = 24, 60
_LOOSE = {b"mdat", b"stsz", b"stco", b"co64", b"free"}  # boxes whose content is that of the samples


def digest(data: bytes) -> str:
    """A short name for bytes that are compared only with each other."""
    return hashlib.sha256(data).hexdigest()[:8]


# Matroska


def ebml_features(data: bytes) -> FormFeatures:
    """Features of elements, by their paths."""
    counts, held, widths, first = Counter[str](), Counter[str](), defaultdict(list), {}
    order, cues, clusters, blocks = list[str](), 0, list[tuple[int, int]](), list[int]()
    tags, checked = list[str](), list[bool]()
    for path, names, width, start, end in _elements(data, 0, len(data), (), ()):
        own = names[-1]
        counts[path], held[path] = counts[path] + 1, held[path] + end - start
        widths[path].append(width)
        if len(names) == 2:
            order.append(path.rpartition("/")[2])
        if own == "bf":
            checked.append(True)
        if own == _CLUSTER:
            clusters.append((start, end - start))
        if own == "bb":
            cues += 1
        if own in _BLOCKS:
            blocks.append(data[start + 3] if data[start] & 0x80 else -1)
        if own in (_TAG_NAME, _TAG_TEXT):
            tags.append(data[start:end].decode("utf-8", "replace"))
        if path not in first and own not in _MASTERS and own not in _RANDOM | _BLOCKS and end - start <= _SMALL:
            first[path] = data[start:end]
    named = dict(zip(tags[::2], tags[1::2], strict=False))
    found: FormFeatures = {"order": " ".join(_runs(order)), "clusters": len(clusters), "cues": cues}
    found |= {"tag names": " ".join(tags[::2])}
    found |= {f"tag {name}": _without_digits(named[name]) if name == "DURATION" else named[name] for name in named}
    found |= {f"number of {path}": count for path, count in counts.items() if _CLUSTER not in path}
    found |= {
        f"bytes of {path}": held[path] / counts[path] for path in counts if not path.startswith("Segment/Cluster")
    }
    found |= {f"least length of the size of {path}": min(each) for path, each in widths.items()}
    found |= {f"most length of the size of {path}": max(each) for path, each in widths.items()}
    found |= {f"first {path}": _value(each) for path, each in first.items()}
    found |= _block_features(data, blocks, clusters, len(checked))
    private = next((first[path] for path in first if path.endswith("CodecPrivate")), b"")
    return found | {"codec private": digest(private), "Segment to the end": counts["Segment"]}


def _block_features(data: bytes, flags: list[int], clusters: list[tuple[int, int]], checks: int) -> FormFeatures:
    found: FormFeatures = {"checksums": checks, "blocks by cluster": len(flags) / max(1, len(clusters))}
    found |= {
        f"blocks of flags {flag:02x}": float(np.mean([each == flag for each in flags] or [0])) for flag in (0, 128)
    }
    found |= {"first cluster % 512": clusters[0][0] % 512 if clusters else -1}
    sizes = [size for _, size in clusters[:-1]]
    return found | {"largest cluster over 5 MB": float(max(sizes, default=0) > 5_000_000)}


def _elements(
    data: bytes, start: int, end: int, path: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...], int, int, int]]:
    """Path, identifiers, length of the size, and place of each element and of those that it holds."""
    while start < end and data[start]:
        middle = start + 9 - data[start].bit_length()
        if middle >= end or not data[middle]:
            return
        name, content = data[start:middle].hex(), middle + 9 - data[middle].bit_length()
        width = content - middle
        size = int.from_bytes(data[middle:content], "big") & ((1 << 7 * width) - 1)
        stop = end if size == (1 << 7 * width) - 1 else min(end, content + size)
        here = (*path, _NAMES.get(name, name))
        yield "/".join(here), (*names, name), width, content, stop
        if name in _MASTERS:
            yield from _elements(data, content, stop, here, (*names, name))
        start = stop


def _runs(names: list[str]) -> list[str]:
    """Names without those that repeat the one before."""
    return [name for name, before in zip(names, ["", *names], strict=False) if name != before]


def _without_digits(text: str) -> str:
    return re.sub(r"\d", "0", text)


def _value(content: bytes) -> float | str:
    """A number if it can be one, else a text."""
    if len(content) in (1, 2, 3, 4) and not content.isalpha():
        return float(int.from_bytes(content, "big"))
    return content.decode("latin-1")


# MP4 (ISO/IEC 14496-12)


def boxes_features(data: bytes) -> FormFeatures:
    """Features of boxes, by their paths, and of the first track of H.264."""
    counts, words, sizes, order, paths, long = Counter[str](), {}, {}, list[str](), list[str](), 0
    for path, kind, start, content, end in _boxes(data, 0, len(data), ""):
        counts[path] += 1
        paths.append(path)
        if "/" not in path:
            order.append(path)
        long += content - start > 8
        if path not in sizes:
            sizes[path] = end - start
            body = data[content:end]
            if kind not in _HOLDERS | _LOOSE:
                words[path] = [body[at : at + 4] for at in range(0, min(len(body), 4 * _WORDS), 4)]
    found: FormFeatures = {"order": " ".join(order), "nesting": digest(" ".join(paths).encode()), "long sizes": long}
    found |= {f"number of {path}": count for path, count in counts.items()}
    for path, size in sizes.items():
        if path.rpartition("/")[2].encode("latin-1") not in _LOOSE:
            found[f"bytes of {path}"] = size
        for index, word in enumerate(words.get(path, ())):
            text = word.isalnum() and not word.isdigit()
            found[f"{path} {4 * index}"] = word.decode("latin-1") if text else float(int.from_bytes(word, "big"))
    found |= {
        "vendor": " ".join(sorted(set(re.findall(r"Lav[cf][\d.]+|HandBrake [\d.]+|GPAC[ -][\w.]+", _strings(data)))))
    }
    return found | _h264_features(data)


def _strings(data: bytes) -> str:
    """Readable text outside of samples."""
    parts = [data[content:end] for path, kind, _, content, end in _boxes(data, 0, len(data), "") if kind == b"udta"]
    return b" ".join(parts).decode("latin-1")


def _boxes(data: bytes, start: int, end: int, path: str) -> Iterator[tuple[str, bytes, int, int, int]]:
    """Path, type, start, start of the content, and end of each box and of those in it."""
    while start + 8 <= end:
        (size,), kind, content = struct.unpack_from(">I", data, start), data[start + 4 : start + 8], start + 8
        if size == 1:
            (size,), content = struct.unpack_from(">Q", data, content), content + 8
        stop = end if size == 0 else start + size
        if stop > end or stop <= start:
            return
        here = f"{path}/{kind.decode('latin-1')}".lstrip("/")
        yield here, kind, start, content, stop
        if kind in _HOLDERS:
            yield from _boxes(data, content, stop, here)
        elif kind == b"meta":
            yield from _boxes(data, content + 4, stop, here)
        elif kind == b"stsd":
            yield from _boxes(data, content + 8, stop, here)
        elif kind in (b"avc1", b"mp4a"):
            yield from _boxes(data, content + (78 if kind == b"avc1" else 28), stop, here)
        start = stop


# H.264 (ITU-T H.264, 7.3)


def _h264_features(data: bytes) -> FormFeatures:
    """Parameter sets, the order of NAL units, SEI messages, and slice headers of the first track that has them."""
    tracks, boxes = defaultdict(dict), list(_boxes(data, 0, len(data), ""))
    number = 0
    for path, kind, _, content, end in boxes:
        number += path.endswith("/trak")
        tracks[number][kind] = (content, end)
    track = next((each for each in tracks.values() if b"avcC" in each), None)
    if track is None:
        return {}
    avcc = data[slice(*track[b"avcC"])]
    found: FormFeatures = {"avcC": digest(avcc), "bytes of avcC": len(avcc), "profile": avcc[1], "level": avcc[3]}
    found |= {"compatible": avcc[2], "bytes of a length": (avcc[4] & 3) + 1, "SPS": avcc[8 : 8 + avcc[7]].hex()}
    samples = list(_samples(data, track))[:_FRAMES]
    units = [list(_units(sample, (avcc[4] & 3) + 1)) for sample in samples]
    kinds = Counter(unit[0] & 31 for each in units for unit in each)
    found |= {f"units of type {kind}": kinds[kind] / max(1, len(samples)) for kind in range(1, 13)}
    found |= {"first units": " ".join(str(unit[0] & 31) for unit in units[0]) if units else ""}
    found |= {"units of the second sample": " ".join(str(unit[0] & 31) for unit in units[1]) if len(units) > 1 else ""}
    seis = [unit for each in units for unit in each if unit[0] & 31 == 6]
    found |= {"SEI types": " ".join(sorted({str(unit[1]) for unit in seis})), "SEIs": len(seis)}
    texts = re.findall(rb"x264 - core \d+[ -~]*", b"".join(seis))
    found |= {"x264's version": texts[0][:20].decode() if texts else "", "x264's options": digest(b"".join(texts))}
    slices = [unit for each in units for unit in each if unit[0] & 31 in (1, 5)]
    headers = [_slice_header(unit) for unit in slices]
    found |= {"slice types": "".join("PBIpi"[kind % 5] for _, kind, _ in headers)[:_FRAMES]}
    found |= {
        f"slices of type {name}": float(np.mean([kind == at for _, kind, _ in headers]))
        for at, name in enumerate("PBI")
    }
    found |= {
        "slices by sample": len(slices) / max(1, len(samples)),
        "kinds of slice types over 4": float(np.mean([kind > 4 for _, kind, _ in headers])),
    }
    references = [unit[0] >> 5 & 3 for unit in slices]
    found |= {f"slices of reference {each}": float(np.mean([got == each for got in references])) for each in range(4)}
    found |= {"references": "".join(map(str, references))[:_FRAMES]}
    found |= {"emulation bytes by slice": float(np.mean([unit.count(b"\0\0\3") > 0 for unit in slices]))}
    return found | {"zero words at ends": float(np.mean([unit.endswith(b"\0\0\3") for unit in slices]))}


def _samples(data: bytes, track: dict[bytes, tuple[int, int]]) -> Iterator[bytes]:
    """The samples of a track, in order."""

    def table(kind: bytes, skip: int, form: str) -> np.ndarray:
        start, end = track[kind]
        return np.frombuffer(data[start + skip : end], form).astype(np.int64)

    same, count = table(b"stsz", 4, ">u4")[:2]
    sizes = [int(same)] * int(count) if same else table(b"stsz", 12, ">u4").tolist()
    offsets = table(b"co64", 8, ">u8") if b"co64" in track else table(b"stco", 8, ">u4")
    entries = table(b"stsc", 8, ">u4").reshape(-1, 3)
    sample, entry = 0, 0
    for chunk, offset in enumerate(offsets.tolist(), 1):
        while entry + 1 < len(entries) and entries[entry + 1][0] <= chunk:
            entry += 1
        place = offset
        for size in sizes[sample : sample + int(entries[entry][1])]:
            yield data[place : place + size]
            place, sample = place + size, sample + 1


def _units(sample: bytes, width: int) -> Iterator[bytes]:
    place = 0
    while place + width < len(sample):
        size = int.from_bytes(sample[place : place + width], "big")
        if size:
            yield sample[place + width : place + width + size]
        place += width + size


def _slice_header(unit: bytes) -> tuple[int, int, int]:
    """first_mb_in_slice, slice_type and pic_parameter_set_id."""
    bits = "".join(f"{byte:08b}" for byte in unit[1:24].replace(b"\0\0\3", b"\0\0"))
    values, at = [], 0
    for _ in range(3):
        zeros = len(bits[at:]) - len(bits[at:].lstrip("0"))
        values.append(int(bits[at + zeros : at + 2 * zeros + 1], 2) - 1)
        at += 2 * zeros + 1
    return values[0], values[1], values[2]
