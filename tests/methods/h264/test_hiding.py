"""Files in an MP4's own H.264: what comes back, what stays, what is told of changes, and what is refused."""

from operator import ne
from pathlib import Path

import av
import numpy as np
import pytest

import stegnet
from stegnet import CapacityError, MediaError, Passphrase, Session
from stegnet.cli import main
from stegnet.core.names import USUAL_NAME
from stegnet.h264.samples import FilmStream, film_groups
from stegnet.hiding import CoverSize
from stegnet.media.cover import Cover
from stegnet.methods import METHODS
from stegnet.sealing import WET
from stegnet.video import read_frames
from stegnet.video.mp4 import read_mp4, write_mp4
from tests.support.films import encoded, ffmpeg, still_film
from tests.support.h264 import Bits, moving
from tests.support.quality import psnr
from tests.support.sealing import KEY

pytestmark = pytest.mark.slow

METHOD, SESSION = METHODS["h264"], Session()
B_PICTURES = "-c:v libx264 -pix_fmt yuv420p -crf 20 -bf 2 -g 24 -threads 2 -c:a aac"
TWO_GROUPS = Path(__file__).parents[2] / "format/h264_vectors/cabac.mp4"
NOTE, DATA = b"meet me at eight", bytes(range(200))


def film(path: Path, count: int = 72, options: str = B_PICTURES, size: tuple[int, int] = (144, 192)) -> Path:
    """A film with sound that an encoder has made."""
    source = still_film(path.with_suffix(".mkv"), count, 16, 16)
    pictures = b"".join(frame.tobytes() for frame in moving(count, *size, noise=8))
    raw = f"-f rawvideo -pix_fmt rgb24 -s {size[1]}x{size[0]} -r 25 -i - -i {source} -map 0:v -map 1:a"
    return ffmpeg(raw, path, f"{options} -metadata title=Holiday", pictures)


@pytest.fixture(scope="module")
def cover(tmp_path_factory) -> Path:
    return film(tmp_path_factory.mktemp("films") / "cover.mp4")


def hide(cover: Path, data: bytes, out: Path):
    return SESSION.hide(cover, data, out, key=KEY, method="h264")


def packets(film: Path, kind: str) -> list[bytes]:
    with av.open(str(film)) as opened:
        (track,) = getattr(opened.streams, kind)
        return [bytes(packet) for packet in opened.demux(track) if packet.size]


@pytest.fixture(scope="module")
def container(cover) -> Path:
    out = cover.with_name("container.mp4")
    report, changed = hide(cover, DATA, out), sum(map(ne, packets(cover, "video"), packets(out, "video")))
    assert (report.width, report.height, report.frames, report.hidden) == (192, 144, 72, changed)
    assert report.hiding.container_psnr > 50
    return out


def test_the_film_stays_what_it_was(cover, container):
    """Sound, times, metadata, and all pictures that others refer to; the size nearly so."""
    found = SESSION.reveal(container, key=KEY, strict=True)
    assert (found.data, found.trouble) == (DATA, ())
    assert packets(cover, "audio") == packets(container, "audio")
    assert abs(container.stat().st_size - cover.stat().st_size) < cover.stat().st_size / 500
    before, after = packets(cover, "video"), packets(container, "video")
    changed = [index for index, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    ends = [index for index, packet in enumerate(after[1:]) if packet[4] & 31 == 5 or b"\x65" in packet[4:40]]
    referred = {index for index, packet in enumerate(before) if any(unit[0] & 0x60 for unit in units(cover, packet))}
    assert changed
    assert not (referred & set(changed)) - {*ends, len(before) - 1}
    pairs = list(zip(read_frames(cover), read_frames(container), strict=True))
    different = [psnr(*pair) for pair in pairs if (pair[0] != pair[1]).any()]
    assert 0 < len(different) <= len(changed)
    assert min(different) > 40
    with av.open(str(container)) as opened, av.open(str(cover)) as original:
        assert opened.metadata == original.metadata
        assert opened.metadata["title"] == "Holiday"


@pytest.mark.parametrize("identifier", [b"Signed Video...0".hex(), "005bc93f2d715e95ada4796f90877a6f"])
def test_signatures_of_the_pictures_are_taken_out(tmp_path, identifier):
    """Surveillance cameras write them as messages to programs, each on the pictures before; other messages stay."""
    stream = FilmStream(TWO_GROUPS)
    content = bytes.fromhex(identifier) + bytes(range(1, 240)) * 2
    signature, other = (b"\6\5\xff" + bytes([len(content) - 255]) + each for each in (content, content[::-1]))
    messages = [other, signature, other]
    packets = {number: stream.packed([*messages, *stream.units(packet)]) for number, packet in stream.packets()}
    cover, out = tmp_path / "cover.mp4", tmp_path / "out.mp4"
    write_mp4(read_mp4(TWO_GROUPS), cover, {number: packets[number] for number in list(packets)[::7]})
    report = hide(cover, NOTE, out)
    assert SESSION.reveal(out, key=KEY, strict=True).data == NOTE
    assert [line for line in report.notes if "without its signatures" in line] == list(report.notes[:1])
    assert signature not in out.read_bytes()
    assert out.read_bytes().count(other) == cover.read_bytes().count(other) > 2


def test_what_lies_beyond_the_edge_stays(tmp_path):
    """Films of 136×180 are coded as 144×192, that is 9×12 macroblocks."""
    cover = film(tmp_path / "cover.mp4", options=f"{B_PICTURES} -x264-params 8x8dct=0", size=(136, 180))
    hide(cover, DATA, tmp_path / "out.mp4")
    films = (FilmStream(path).pictures() for path in (cover, tmp_path / "out.mp4"))
    inside = beyond = 0
    for group, other in zip(*films, strict=True):
        for part, own in zip(group.slices, other.slices, strict=True):
            row, column = np.divmod(part.levels.macroblock[part.is_sample].astype(int), 12)
            quarter, within = np.divmod(part.levels.block[part.is_sample], 4)  # figure 6-10
            y, x = 4 * row + 2 * (quarter // 2) + within // 2, 4 * column + 2 * (quarter % 2) + within % 2
            hidden, moved = (y >= 136 // 4) | (x >= 180 // 4), part.samples != own.samples
            inside, beyond = inside + moved[~hidden].sum(), beyond + hidden.sum()
            assert not moved[hidden].any()
    assert inside > 300 and beyond > 500
    assert SESSION.reveal(tmp_path / "out.mp4", key=KEY).data == DATA


def units(film: Path, packet: bytes) -> list[bytes]:
    """NAL units of slices."""
    return [unit for unit in FilmStream(film).units(packet) if unit[0] & 31 in (1, 5)]


def test_only_signs_change_and_no_place_gets_another_share_of_them(cover, container):
    """But for one change in a hundred, where a search has no other."""
    before, after = (next(film_groups(FilmStream(film))) for film in (cover, container))
    sizes, signs = np.zeros(2, int), 0
    for one, other in zip(before.slices, after.slices, strict=True):
        pair = one.levels.value, other.levels.value
        signs += (pair[0] == -pair[1]).sum()
        sizes += [(pair[0] != pair[1]).sum(), (np.abs(pair[0]) != np.abs(pair[1])).sum()]
        np.testing.assert_array_equal(*(part.levels.value[~part.is_sample] for part in (one, other)))
    assert signs > 50
    assert sizes[1] <= sizes[0] / 50
    costs = before.costs()
    assert costs.up.shape == costs.down.shape == before.samples.shape
    assert ((costs.up == WET) | (costs.down == WET)).all()


def with_other_colours(container: Path, out: Path) -> Path:
    """A film whose PPS has another offset of chroma's quantiser (H.264, 7.3.2.2), by one bit."""
    data, avcc = bytearray(container.read_bytes()), read_mp4(container).avcc
    pps = 8 + int.from_bytes(avcc[6:8], "big") + 3  # behind the SPS, of which there is one
    read = Bits(avcc[pps:])
    read.ue(), read.ue(), read.u(2), read.ue(), read.ue(), read.ue(), read.u(3), read.ue(), read.ue()
    assert read.ue(), "a code of one bit can't be exchanged for its neighbour"
    data[data.index(avcc) + pps + 1 + (read.at - 1) // 8] ^= 0x80 >> (read.at - 1) % 8
    out.write_bytes(data)
    return out


def test_parameter_sets_of_other_colours_are_told(tmp_path, capsys):
    """And copies without encoding are whole, in any container."""
    out = tmp_path / "out.mp4"
    hide(film(tmp_path / "cover.mp4", options=f"{B_PICTURES} -x264-params chroma-qp-offset=-3"), NOTE, out)
    metadata = ["-c", "copy", "-bsf:v", "h264_metadata=matrix_coefficients=9:video_full_range_flag=1"]
    altered = [with_other_colours(out, tmp_path / "pps.mp4"), encoded(out, tmp_path / "sps.mp4", *metadata)]
    (tmp_path / "k").write_bytes(bytes(range(32)))
    for each in altered:
        found = SESSION.reveal(each, key=KEY)
        assert (found.data, found.trouble) == (NOTE, ("the film was altered since it was hidden",))
        key = "--key-file", str(tmp_path / "k")
        assert main(["reveal", str(each), *key, "--strict", "-o", str(tmp_path / "o")]) == 1
        assert "altered" in capsys.readouterr().err
    for form in ("mkv", "mov", "mp4"):
        copy = encoded(out, tmp_path / f"copy.{form}", "-c", "copy", "-map", "0")
        assert SESSION.reveal(copy, key=KEY, strict=True).data == NOTE


def bit_rates(path: Path) -> tuple[int, int]:
    """The highest rate that the sample description says (btrt), and the mean over the times of the samples (stts)."""
    data = path.read_bytes()
    rates, times, scale = (data.rindex(kind) + 4 for kind in (b"btrt", b"stts", b"mdhd"))
    count = int.from_bytes(data[times + 4 : times + 8], "big")
    runs = np.frombuffer(data[times + 8 : times + 8 + 8 * count], ">u4").reshape(-1, 2).astype(int)
    ticks = int.from_bytes(data[scale + 12 : scale + 16], "big")
    bits = 8 * sum(map(len, packets(path, "video")))
    return int.from_bytes(data[rates + 4 : rates + 8], "big"), bits * ticks // int(runs.prod(1).sum())


def test_the_mean_rate_of_uneven_times_follows_the_sizes(tmp_path):
    uneven = f"{B_PICTURES.removesuffix(' -c:a aac')} -an -vf setpts=N/25/TB+(mod(N\\,7)/100)/TB -fps_mode vfr"
    cover = film(tmp_path / "cover.mp4", options=uneven)
    data = cover.read_bytes()
    shorter = data.rindex(b"mdhd") + 20  # the duration, which FFmpeg takes from the last time that is shown
    length = int.from_bytes(data[shorter : shorter + 4], "big") - 1024
    cover.write_bytes(data[:shorter] + length.to_bytes(4, "big") + data[shorter + 4 :])
    hide(cover, NOTE, tmp_path / "out.mp4")
    assert packets(cover, "video") != packets(tmp_path / "out.mp4", "video")
    for path in (cover, tmp_path / "out.mp4"):
        said, mean = bit_rates(path)
        assert abs(said - mean) <= 1


def test_a_film_that_tells_its_buffer_is_refused(tmp_path):
    """Its messages on buffering follow from the sizes of all pictures."""
    cover = film(
        tmp_path / "c.mp4", options=f"{B_PICTURES} -x264-params nal-hrd=cbr:vbv-maxrate=900:vbv-bufsize=900:bitrate=900"
    )
    with pytest.raises(MediaError, match="how a decoder's buffer fills") as caught:
        hide(cover, NOTE, tmp_path / "out.mp4")
    assert "nal-hrd=none" in caught.value.hint
    assert set(tmp_path.glob("*.mp4")) == {cover}
    assert any("HRD" in note for note in SESSION.info(cover)["notes"])


def test_a_film_of_two_groups_may_be_cut_at_key_frames(tmp_path):
    """And damaged, and broken off. With a passphrase, it needs the first group."""
    out = tmp_path / "out.mp4"
    report = hide(TWO_GROUPS, NOTE, out)
    assert any("recovered even if up to 1 of its 2 groups of pictures are lost" in note for note in report.notes)
    cut = encoded(out, tmp_path / "cut.mp4", "-c", "copy", "-ss", "0.3")
    found = SESSION.reveal(cut, key=KEY)
    assert found.data == NOTE
    assert any("of pictures" in line and "lost" in line for line in found.trouble)
    data = bytearray(out.read_bytes())
    for place in range(len(data) * 7 // 10, len(data) * 7 // 10 + 300):  # in some picture, or two, of the second group
        data[place] ^= 255
    (tmp_path / "damaged.mp4").write_bytes(data)
    found = SESSION.reveal(tmp_path / "damaged.mp4", key=KEY)
    assert found.data == NOTE
    assert any("group of pictures 1 was altered" in line for line in found.trouble)
    tables_first = encoded(out, tmp_path / "first.mp4", "-c", "copy", "-map", "0", "-movflags", "+faststart")
    (tmp_path / "broken_off.mp4").write_bytes(tables_first.read_bytes()[: 9 * out.stat().st_size // 10])
    assert SESSION.reveal(tmp_path / "broken_off.mp4", key=KEY).data == NOTE
    report = SESSION.hide(TWO_GROUPS, NOTE, key=Passphrase("six odd words last far longer"), method="h264")
    assert any(note.endswith("groups of pictures are lost, but not the first") for note in report.notes)


def test_a_film_with_tables_of_other_pictures_than_there_are(tmp_path):
    """It is refused; tests/h264 has other damage."""
    cover = film(tmp_path / "film.mp4", 24, size=(64, 96))
    data, path, out = bytearray(cover.read_bytes()), tmp_path / "damaged.mp4", tmp_path / "out.mp4"
    size = data.index(b"stsz") + 16 + 4 * 12
    data[size : size + 4] = bytes(4)  # with the others where they were, since each chunk has its own offset
    path.write_bytes(data)
    with pytest.raises(MediaError):
        hide(path, b"a", out)
    assert not out.exists()
    with Cover(path) as opened:
        assert METHOD.room(CoverSize(64, 96, 24, cover=opened), "", METHOD.info.options()).bytes is None


def test_what_does_not_fit_is_told_with_the_number_that_does_and_never_written_without_loss(cover, tmp_path):
    """Unless that is asked for: no container is many times its cover because of a byte, or of a recipient's key."""
    (fit,) = (fit for fit in SESSION.capacity(cover) if fit.method == "h264")
    secret, out = tmp_path / USUAL_NAME, tmp_path / "out.mp4"
    secret.write_bytes(bytes(fit.bytes))
    assert SESSION.hide(cover, secret, out, key=KEY).hiding.method == "h264"
    stegnet.make_identity_file(tmp_path / "id")
    recipient = stegnet.read_identity(tmp_path / "id").recipient
    for size, key, told in (
        (fit.bytes + 1, recipient, r"its own H.264 holds at most [\d,]+ bytes, and the secret has [\d,]+$"),
        (fit.bytes + 1, KEY, f"its own H.264 holds at most {fit.bytes:,} bytes, and the secret has {fit.bytes + 1:,}$"),
        (cover.stat().st_size, KEY, "bytes are more than a film of its size holds in its own H.264$"),
    ):
        secret.write_bytes(bytes(size))
        with pytest.raises(CapacityError, match=told) as refused:
            SESSION.hide(cover, secret, tmp_path / "no.mp4", key=key)
        assert refused.value.subject == str(cover) and "NAME.mkv" in refused.value.hint
        assert not (tmp_path / "no.mp4").exists()
    with pytest.warns(UserWarning, match="anyone can tell"):
        assert SESSION.hide(cover, secret, tmp_path / "out.mkv", key=KEY).hiding.method == "sealed"


def test_an_mp4_without_loss_stays_one_without_loss(tmp_path):
    scene = b"".join(frame.tobytes() for frame in moving(6, 128, 160))
    raw = "-f rawvideo -pix_fmt rgb24 -s 160x128 -r 25 -i -"
    cover = ffmpeg(raw, tmp_path / "a.mp4", "-c:v libx264rgb -qp 0 -pix_fmt bgr0", scene)
    report = SESSION.hide(cover, bytes(20_000), tmp_path / "out.mp4", key=KEY)
    assert (report.hiding.method, report.warnings) == ("sealed", ())


def test_what_is_called_hard_to_find_is_so_with_its_redundant_shares(tmp_path):
    """Groups that may be lost are given up before that."""
    large = film(tmp_path / "large.mp4", 96, size=(288, 384))
    (found,) = (fit for fit in stegnet.capacity(large) if fit.method == "h264" and fit.bytes)
    assert found.safe > 100 and found.condition == "it is as its camera saved it"
    for size in (found.safe, found.safe // 2, 1):
        report = SESSION.hide(large, bytes(size), tmp_path / f"{size}.mp4", key=KEY, method="h264", at_most_safe=True)
        assert report.hiding.detection == "hard" and report.hiding.hidden_bytes <= report.hiding.secure.hard, size
        assert SESSION.reveal(tmp_path / f"{size}.mp4", key=KEY).data == bytes(size)
    with pytest.raises(CapacityError, match=f"at most {found.safe} bytes are hard to find"):
        hide_safely = {"key": KEY, "method": "h264", "at_most_safe": True}
        SESSION.hide(large, bytes(found.safe + 1), tmp_path / "more.mp4", **hide_safely)


def test_an_mp4_stays_one_though_nobody_names_it(cover, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stegnet.make_key_file("k")
    Path("note.txt").write_bytes(NOTE)
    for out in ("sent", "folder/"):
        assert main(["hide", str(cover), "note.txt", "--key-file", "k", "-o", out]) == 0
    assert Path("sent.mp4").is_file() and Path("folder/cover.mp4").is_file()
