"""The audit of forms: features of files against other readers of them, and what decision trees find."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from study.bitstreams import INFLATE_FIGURES, inflate_figures
from study.film_features import FormFeatures
from study.form_audit import FORMS, ContainerForm, audited, pairs, without_release
from study.form_features import features, png_features
from study.stumps import FAULT, best_tree, faults, halves, table_of
from tests.support.films import ffmpeg, still_film

HEIGHT, WIDTH = 60, 80


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A smooth picture with noise."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    smooth = 128 + 60 * np.sin(rows / 9)[..., None] * np.cos(cols / 7)[..., None] + np.arange(3)
    return (smooth + np.random.default_rng(0).normal(0, 3, smooth.shape)).clip(0, 255).astype(np.uint8)


def saved(picture: np.ndarray, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("strategy", [zlib.Z_DEFAULT_STRATEGY, zlib.Z_RLE, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_all_bytes_of_a_stream_are_counted(picture: np.ndarray, level: int, strategy: int) -> None:
    raw = picture.tobytes()
    coder = zlib.compressobj(level, zlib.DEFLATED, 15, 8, strategy)
    stream = coder.compress(raw) + coder.flush()
    found = dict(zip(INFLATE_FIGURES, inflate_figures(np.frombuffer(stream, np.uint8), 3, 3 * WIDTH), strict=True))
    assert found["literals"] + found["total length"] == (0 if level == 0 else len(raw))
    assert found["bytes after the stream"] == 0
    assert (found["stored blocks"] > 0) == (level == 0)
    if level and strategy == zlib.Z_RLE:
        assert 0 < found["matches"] == found["distance 1"]


def test_features_of_pngs(picture: np.ndarray) -> None:
    found = png_features(saved(picture, "PNG", dpi=(72, 72)))
    assert (found["zlib header"], found["chunks"], found["pHYss"]) == ("789c", "IHDR pHYs IDAT IEND", 1)
    by_runs = png_features(saved(picture, "PNG", compress_type=zlib.Z_RLE))
    assert (by_runs["zlib header"], by_runs["only distances of 1"]) == ("7801", 1)
    plain = png_features(plain_png(picture))
    assert (plain["rows of filter 0"], plain["first IDAT"], plain["IDATs"]) == (1, 100, 2)
    assert float(plain["rows by the least sum"]) < 0.2
    assert float(found["rows by the least sum"]) > 0.8
    assert plain["size by that of level 6"] == 1


def plain_png(picture: np.ndarray) -> bytes:
    """A PNG of a picture without filters, in two IDATs."""
    rows = np.hstack([np.zeros((HEIGHT, 1), np.uint8), picture.reshape(HEIGHT, -1)])
    stream = zlib.compress(rows.tobytes())
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", stream[:100]), (b"IDAT", stream[100:]), (b"IEND", b"")
    parts = (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_features_of_jpegs(tmp_path: Path, picture: np.ndarray) -> None:
    def found(**options: object) -> dict:
        (tmp_path / "a.jpg").write_bytes(saved(picture, "JPEG", **options))
        return features(tmp_path / "a.jpg")

    plain, optimised, progressive = found(quality=90), found(quality=90, optimize=True), found(progressive=True)
    assert [each["optimal tables"] for each in (plain, optimised, progressive)] == [0, 1, 1]
    assert [each["optimal scans"] for each in (plain, optimised, progressive)] == [0, 1, 1]
    assert [each["standard Huffman tables"] for each in (plain, optimised)] == [1, 0]
    assert (plain["libjpeg's quality"], progressive["libjpeg's quality"]) == (90, 75)
    assert plain["markers"] == "e0 db db c0 c4 c4 c4 c4 da"
    assert (plain["scans"], progressive["scans"]) == (1, 10)


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24"])
def test_features_of_sounds(tmp_path: Path, kind: str) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (20_000, 2)).cumsum(0) / 60
    for suffix in ("flac", "wav"):
        soundfile.write(tmp_path / f"a.{suffix}", samples.clip(-1, 1), 44_100, kind)
    flac, wav = (features(tmp_path / f"a.{suffix}") for suffix in ("flac", "wav"))
    assert (flac["unreadable frames"], flac["frame sizes are right"], flac["largest block"]) == (0, 1, 4096)
    assert sum(float(flac[f"subframes of order {order}"]) for order in range(33)) == pytest.approx(1)
    assert (wav["channels"], wav["rate"], wav["chunks"]) == (2, 44_100, "fmt  data")


def test_features_of_films(tmp_path: Path) -> None:
    source = still_film(tmp_path / "still.mkv", 12)
    matroska = features(ffmpeg(f"-i {source}", tmp_path / "a.mkv", "-c:v ffv1 -level 3 -an"))
    assert str(matroska["order"]).endswith("SeekHead Void Info Tracks Tags Cluster Cues")
    assert matroska["number of Segment/Tracks/TrackEntry"] == 1
    assert str(matroska["first Segment/Info/MuxingApp"]).startswith("Lavf")
    assert without_release(matroska)["first Segment/Info/MuxingApp"] == "Lavf"
    film = features(ffmpeg(f"-i {source}", tmp_path / "a.mp4", "-c:v libx264 -pix_fmt yuv420p -bf 0 -an"))
    assert film["order"] == "ftyp free mdat moov"
    assert (film["slice types"], film["first units"], film["SEIs"]) == ("I" + 11 * "P", "6 5", 1)
    assert str(film["x264's version"]).startswith("x264 - core")


def test_an_unknown_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello, world")
    with pytest.raises(ValueError, match="form is not known"):
        features(tmp_path / "a")


def drawn(count: int, features_: int, seed: int) -> list[FormFeatures]:
    values = np.random.default_rng(seed).integers(0, 8, (count, features_))
    return [{f"feature {at}": float(value) for at, value in enumerate(row)} for row in values]


def test_noise_is_no_fault() -> None:
    table = table_of(drawn(120, 40, 1), drawn(120, 40, 2), range(120))
    for depth in (1, 2):
        assert not best_tree(table, depth, 0).is_fault


def test_a_planted_feature_is_found_and_the_next_one_after_it() -> None:
    covers, containers = drawn(120, 40, 1), drawn(120, 40, 2)
    for number, (cover, container) in enumerate(zip(covers, containers, strict=True)):
        cover |= {"header": "789c", "padding": 8.0}
        container |= {"header": "7801" if number % 4 else "789c", "padding": 8.0 + number % 2}
    table = table_of(covers, containers, range(120))
    found = faults(table, 1, 0)
    assert [tree.names[0].partition(" =")[0] for tree in found[:3]] == ["header", "header", "padding"]
    assert 0.8 < found[0].right < 1
    assert not found[-1].is_fault


def test_a_pair_of_features_is_found_where_neither_alone_tells() -> None:
    values = np.random.default_rng(3).integers(0, 2, (2, 160))
    covers = [
        each | {"one": float(one), "other": float(one)} for each, one in zip(drawn(160, 9, 1), values[0], strict=True)
    ]
    containers = [
        each | {"one": float(one), "other": float(1 - one)}
        for each, one in zip(drawn(160, 9, 2), values[1], strict=True)
    ]
    table = table_of(covers, containers, range(160))
    assert not best_tree(table, 1, 0).is_fault
    pair = best_tree(table, 2, 0)
    assert (set(pair.names), pair.right) == ({"one", "other"}, 1)


def test_covers_of_one_picture_stay_in_one_half() -> None:
    groups = np.arange(60) % 12
    first = halves(groups, 0)
    assert set(groups[first]).isdisjoint(groups[~first])
    assert len(set(groups[first])) == 6


def scene(number: int) -> np.ndarray:
    """One of many pictures that have little in common, (240, 320, 3) uint8."""
    random = np.random.default_rng(number)
    rows, cols = np.mgrid[:240, :320]
    down, across, along, wide = random.uniform(5, 40, 4)
    waves = random.uniform(20, 70) * np.sin(rows / down) * np.cos(cols / across) + 20 * np.sin(
        rows / along + cols / wide
    )
    smooth = 128 + waves[..., None] + np.arange(3)
    return (smooth + random.normal(0, random.uniform(2, 6), smooth.shape)).clip(0, 255).astype(np.uint8)


def test_the_audit_finds_its_control_and_nothing_in_a_jpeg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The writer that forgets the Huffman tables of a JPEG is found, stegnet's own is not.

    The covers are different scenes: among parts of one, the tables of optimised JPEGs show what was changed.
    """
    for program, options in (("plain", {}), ("optimised", {"optimize": True})):
        (tmp_path / "jpg" / program).mkdir(parents=True)
        for number in range(20):
            quality = int(np.random.default_rng(number).integers(80, 95))
            jpeg = saved(scene(number), "JPEG", quality=quality, **options)
            (tmp_path / "jpg" / program / f"{number}.jpg").write_bytes(jpeg)
    forms: dict[str, ContainerForm] = {form.name: form for form in FORMS}
    names = "control: JPEG by default tables", "JPEG of a JPEG"
    control, own = (list(audited(forms[name], list(pairs(forms[name], tmp_path)))) for name in names)
    assert any(row["fault"] and row["against"] == "optimised" for row in control)
    assert not any(row["fault"] for row in own)
    assert all(row["right"] <= FAULT or row["low"] <= 0.5 for row in own)
    assert capsys.readouterr() == ("", "")
