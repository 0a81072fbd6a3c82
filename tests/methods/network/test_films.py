"""Films by a network: every frame, time and packet of sound comes back; what was done to a container is told; whatever
ends the work, nothing half-done is left."""

import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stegnet import Key, MediaError, RevealError, StegnetError, WeightsError
from stegnet.files import reveal_file
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import Context
from stegnet.methods import METHODS
from stegnet.networks import SHIPPED
from stegnet.record import Header, Pictures, Record, format_record
from stegnet.record.coding import format_packets
from stegnet.results import OutputTarget, Report
from stegnet.sealing import SEED_BYTES
from stegnet.video import SoundPacket, read_frames, read_sound, scan, sound_tracks
from tests.support.films import write_film
from tests.support.pairs import FiveLevels, network_of
from tests.support.quality import psnr
from tests.support.sealing import KEY, sealed
from tests.support.tampering import unreadable

NETWORK = network_of(FiveLevels(), quality=0)
SIZE = 40, 48
FRAMES, HIDDEN = 12, 10
MILLISECOND = Fraction(1, 1000)
NOT_SQUARE = {"cover": "64:45", "secret": "8:9"}


def run_of(network: object = NETWORK, **how: Any) -> Context:
    return Context(networks={SHIPPED: network}, **how)


def hide_film(
    films: tuple[Path, Path], out: Path, key: Key = KEY, run: Context | None = None, **options: object
) -> Report:
    """Hides the second film in the first; no thread stays."""
    method, before = METHODS["network"], threading.active_count()
    try:
        job = HideJob(method, method.info.options(**options), run or run_of())
        return hide_file(job, *films, OutputTarget(out, force=True), key)
    finally:
        assert threading.active_count() == before


def reveal_film(container: Path, out: Path, key: Key = KEY, run: Context | None = None, **how: bool) -> Report:
    """Reveals a film, if `strict` only a whole one; MP4 without loss. No thread stays."""
    before = threading.active_count()
    try:
        return reveal_file(container, OutputTarget(out, force=True, lossless=True), key, context=run or run_of(), **how)
    finally:
        assert threading.active_count() == before


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_film) -> Path:
    """A secret of ten frames in a container of twelve, and one with sound."""
    folder = tmp_path_factory.mktemp("films")
    films = make_film(folder / "cover.mkv", FRAMES, *SIZE, seed=50), make_film(folder / "secret.mkv", HIDDEN, *SIZE)
    hide_film(films, folder / "container.mkv")
    films = (
        make_film(folder / "wide.mkv", 6, 96, 136, seed=50),
        make_film(folder / "talkie.mkv", 6, 96, 136, sound="aac"),
    )
    hide_film(films, folder / "sound.mkv")
    return folder


@pytest.fixture(scope="module")
def frames(folder) -> list[np.ndarray]:
    return list(read_frames(folder / "container.mkv"))


@pytest.fixture
def secrets(folder, five_levels) -> list[np.ndarray]:
    return [five_levels(frame) for frame in read_frames(folder / "secret.mkv")]


@pytest.fixture(scope="module")
def films(folder, make_film) -> tuple[Path, Path]:
    """A cover of eight frames, and a secret of five at uneven times, both with sound."""
    cover = make_film(folder / "loud_cover.mkv", 8, 161, 201, sound="aac")
    return cover, make_film(folder / "uneven.mkv", 5, 160, 200, seed=20, stamps=[0, 7, 8, 40, 50], sound="aac")


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out.mkv"


def written(path: Path, frames: Sequence[np.ndarray]) -> Path:
    """A film of these frames, 25 per second."""
    write_film(path, frames)
    return path


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_a_film_round_trip_keeps_every_bit_time_and_packet(tmp_path, films, five_levels, form):
    container, out = tmp_path / f"a.{form}", tmp_path / f"b.{form}"
    report = hide_film(films, container)
    assert (report.width, report.height, report.frames, report.hidden, report.trouble) == (201, 161, 8, 5, ())
    measured = report.secret_psnr
    assert report.notes[0] == "the hidden film ends at 0.20 s: 5 of the cover's 8 frames hold it"
    report = reveal_film(container, out, strict=True)
    assert (report.width, report.height, report.frames, report.hidden, report.trouble) == (200, 160, 5, 5, ())
    for secret, frame in zip(read_frames(films[1]), read_frames(out), strict=True):
        np.testing.assert_array_equal(frame, five_levels(secret))
    assert measured == pytest.approx(psnr(*(np.stack(list(read_frames(path))) for path in (films[1], out))))
    assert list(scan(out).times) == list(scan(films[1]).times)
    (before,), (after,) = sound_tracks(films[1]), sound_tracks(out)
    for name in ("codec", "rate", "layout", "extradata"):
        assert getattr(after, name) == getattr(before, name)
    for one, other in zip(read_sound(films[1]), read_sound(out), strict=True):
        assert one.data == other.data
        assert abs(one.pts * before.time_base - other.pts * after.time_base) <= 2 * MILLISECOND
    assert [packet.data for packet in read_sound(container)] == [packet.data for packet in read_sound(films[0])]


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_cover_and_secret_keep_their_pixel_aspect_ratio(folder, tmp_path, form):
    """The notes say so once for each; a film that is watched has it, too."""
    cover, secret, container = tmp_path / "cover.mkv", tmp_path / "secret.mkv", tmp_path / f"container.{form}"
    for path, frames, aspect in ((cover, "cover.mkv", Fraction(64, 45)), (secret, "secret.mkv", Fraction(8, 9))):
        write_film(path, read_frames(folder / frames), aspect=aspect)
    report = hide_film((cover, secret), container)
    kept = [f"{which}: its pixels are {ratio}, not square: kept as they are" for which, ratio in NOT_SQUARE.items()]
    assert [note for note in report.notes if "pixels are" in note] == kept
    assert scan(container).aspect == Fraction(64, 45)
    for name, lossless in (("out.mkv", True), ("out.mp4", True), ("out.mp4", False)):
        target = OutputTarget(tmp_path / name, force=True, lossless=lossless)
        reveal_file(container, target, KEY, context=run_of())
        assert scan(tmp_path / name).aspect == Fraction(8, 9)


def test_the_sound_of_a_film_that_is_cut_is_cut_too(tmp_path, make_film, out):
    """tests/transcripts/network-films.txt has what is said of it."""
    cover = make_film(tmp_path / "cover.mkv", 5, 96, 136)
    secret = make_film(tmp_path / "secret.mkv", 25, 96, 136, seed=20, sound="aac")
    hide_film((cover, secret), tmp_path / "a.mkv", longer="cut")
    assert reveal_film(tmp_path / "a.mkv", out, strict=True).frames == 5
    (track,) = sound_tracks(secret)
    kept = [packet.data for packet in read_sound(secret) if packet.pts * track.time_base < Fraction(1, 5)]
    assert [packet.data for packet in read_sound(out)] == kept
    assert 5 < len(kept) < len(list(read_sound(secret))) / 2


def test_a_revealed_film_has_identifiers_of_its_key(folder, tmp_path, out):
    """They are not for anyone to compute, since they say that it was revealed."""
    films, back = (folder / "cover.mkv", folder / "secret.mkv"), []
    for source in (KEY, KEY, Key(bytes(32))):
        hide_film(films, tmp_path / "a.mkv", source, run_of(randomness=random.Random(5).randbytes))
        reveal_film(tmp_path / "a.mkv", out, source)
        back.append(out.read_bytes())
    assert back[0] == back[1] != back[2]


@pytest.mark.parametrize(("which", "count"), [(0, 7), (0, 9), (1, 4)])
def test_a_film_that_changes_while_it_is_being_hidden(tmp_path, make_film, which, count, out):
    """It was scanned before the first random bytes were drawn; then it has other frames."""
    films = make_film(tmp_path / "cover.mkv", 8, *SIZE), make_film(tmp_path / "secret.mkv", 5, *SIZE)
    other = make_film(tmp_path / "other.mkv", count, *SIZE)

    def draw(size: int) -> bytes:
        if other.exists():
            films[which].write_bytes(other.read_bytes())
            other.unlink()
        return bytes(range(size))

    with pytest.raises(MediaError, match="was changed while"):
        hide_film(films, out, run=run_of(randomness=draw))
    assert not out.exists()


def test_few_frames_are_in_memory_at_a_time(tmp_path, make_film, out):
    """However long the film: one for each worker, and a few that are decoded ahead or wait to be written."""
    long, taken, held = make_film(tmp_path / "long.mkv", 60, 40, 48), [], []

    def draw(size: int) -> bytes:
        if size == SEED_BYTES:
            taken.append(size)
        return random.Random(len(taken)).randbytes(size)

    def progress(doing: str, done: int, total: int) -> None:
        held.append(len(taken) - done)

    hide_film((long, long), out, run=run_of(randomness=draw, progress=progress), verify=False)
    assert (len(taken), len(held)) == (60, 60)
    assert max(held) <= NETWORK.pool(40, 48).workers + 4


class Broken(Exception):
    pass


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["hide", "verify", "reveal", "check"])
def test_an_early_end_leaves_nothing_behind(folder, tmp_path, frames, where, error, out):
    """No half file, no thread, and the error itself rather than another."""

    def progress(doing: str, done: int, total: int) -> None:
        if (doing, done) == (where, 3):
            raise error

    with pytest.raises(error):
        if where in ("hide", "verify"):
            hide_film((folder / "cover.mkv", folder / "secret.mkv"), out, run=run_of(progress=progress))
        else:
            container = written(tmp_path / "c.mkv", frames[1:] if where == "check" else frames)
            reveal_film(container, out, run=run_of(progress=progress))
    assert {path.name for path in tmp_path.iterdir()} <= {"c.mkv"}


# What was done to a container; films of tests/format have each kind of damage.


def test_a_file_with_damage_anywhere(tmp_path, folder, secrets, out):
    """Or cut: it is told, and what is shown as whole is whole; never another error than ours, and then no file."""
    whole, container = (folder / "container.mkv").read_bytes(), tmp_path / "c.mkv"
    for seed in range(16):
        draw, data = random.Random(seed), bytearray(whole[: len(whole) * (seed + 1) // 12])
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(data))
            data[at : at + draw.randrange(1, 50)] = draw.randbytes(draw.randrange(1, 50))
        container.write_bytes(data)
        out.unlink(missing_ok=True)
        try:
            told = reveal_film(container, out).trouble
        except StegnetError:
            assert not out.exists()
            continue
        if not told:
            assert seed > 10, "what was cut is told"
            np.testing.assert_array_equal(list(read_frames(out)), secrets)


def test_what_reveals_nothing_leaves_nothing(tmp_path, frames, out):
    """Where nothing opens, only frames are left that hide none, or other weights hid them, the first or not."""
    closed = written(tmp_path / "c.mkv", [unreadable(frame) for frame in frames])
    for path, told in (
        (closed, "nothing here opens"),
        (written(tmp_path / "d.mkv", frames[10:]), "no hidden frame is"),
    ):
        with pytest.raises(RevealError, match=told):
            reveal_film(path, out)
    for left in (frames, frames[1:]):
        with pytest.raises(WeightsError, match="5e5e") as caught:
            reveal_film(written(tmp_path / "c.mkv", left), out, run=run_of(replace(NETWORK, weights="00" * 32)))
        assert "5e" * 32 in caught.value.hint
    assert not out.exists()


def test_sound_of_the_frames_that_are_left(tmp_path, folder, out):
    frames, packets = list(read_frames(folder / "sound.mkv")), list(read_sound(folder / "talkie.mkv"))
    assert reveal_film(written(tmp_path / "c.mkv", [*frames[:2], *frames[3:]]), out).trouble == ("frame 2 was lost",)
    assert [round(float(time), 3) for time in scan(out).times] == [0, 0.04, 0.12, 0.16, 0.2]
    left = [packet.data for packet in read_sound(out)]
    missing = [packet for packet in packets if packet.data not in left]
    assert 0 < len(missing) < len(packets) / 2
    start = packets.index(missing[0])
    assert missing == packets[start : start + len(missing)]
    assert left == [packet.data for packet in packets if packet not in missing]


def test_a_record_from_a_friend_that_no_file_can_hold(tmp_path, folder, picture):
    """Its holder may seal any number: what can't be written is said, and is no crash."""
    finest, (track,) = Fraction(1, 2**31 - 1), sound_tracks(folder / "talkie.mkv")
    slow, late = replace(track, time_base=1 / finest), SoundPacket(0, 1 << 62, 1 << 62, 9, True, b"sound")
    one = Header(bytes(16), "film", 1, Pictures(48, 40, 1, finest, 1 / finest, "none", 8, "5e" * 32))
    packets = format_packets([late])
    for record in (
        Record(one, 0, 1 << 62),
        Record(one, 0, -(1 << 62)),
        Record(replace(one, secret=replace(one.secret, time_base=Fraction(1), rate=finest)), 0, 1 << 40),
        Record(replace(one, secret=replace(one.secret, width=1 << 20, height=1)), 0),
        Record(replace(one, secret=replace(one.secret, tracks=(slow,))), 0, 0, b"", packets),
    ):
        container = written(tmp_path / "c.mkv", [sealed(picture(96, 128), format_record(record, bytes(16)))])
        for suffix in ("mkv", "mp4"):
            with suppress(StegnetError):
                assert reveal_film(container, tmp_path / f"out.{suffix}").frames == 1
