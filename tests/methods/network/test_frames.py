"""Pictures by a network: what is hidden in each block, in tiles or in one pass, the room it takes, what comes back."""

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stegnet import CapacityError, Key, Passphrase, RevealError
from stegnet.core.keystream import apply, draw, invert
from stegnet.core.pixels import Base
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import Context
from stegnet.image import read_picture, resize, write_png
from stegnet.keys import SYSTEM, KeyRing
from stegnet.methods import METHODS
from stegnet.networks import (
    NETWORKS,
    SHIPPED,
    FrameInput,
    Network,
    build,
    check_frame_capacity,
    hide_frame,
    hide_picture,
    load_pair,
    receptive_fields,
    reveal_frame,
    reveal_picture,
)
from stegnet.networks.inference import MARGIN, tiles
from stegnet.networks.secret_quality import SecretErrors, SecretQuality
from stegnet.networks.unresize import unresize
from stegnet.record import KINDS, FrameReading, Header, Pictures, Record, read_record
from stegnet.results import LEAST, OutputTarget
from stegnet.sealing import frame_salt
from tests.support.pairs import FiveLevels, network_of
from tests.support.sealing import FILM_ID, KEY, sealed, zones
from tests.support.tampering import unreadable

pytestmark = pytest.mark.arithmetic
VECTORS = Path(__file__).parents[2] / "format" / "vectors"
SEED = bytes(32)


def based(base: str) -> Network:
    """Five levels of what a base leaves."""
    return network_of(FiveLevels(), base, 60)


def read(container: np.ndarray, key: Key = KEY) -> FrameReading:
    return read_record(container, KeyRing(key), first=True)


def picture_header(network: Network, secret: tuple[int, int] = (8, 8)) -> Header:
    one, (height, width) = Fraction(1), secret
    return Header(FILM_ID, "picture", 1, Pictures(width, height, 1, one, one, network.base, 8, network.weights))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def fits(network: Network, size: tuple[int, int]) -> bool:
    try:
        check_frame_capacity(*size, picture_header(network), KEY, 0)
    except CapacityError:
        return False
    return True


@pytest.mark.parametrize("base", KINDS)
def test_every_cover_that_passes_the_check_can_hide(base):
    """Shapes at the limit, with a secret that can't be compressed; of others, the hint names a size that would do."""
    network, keys, passed = based(base), KEY.new_keys(SYSTEM), set()
    for width, height in product((9, 31, 40, 200), range(1, 210)):
        if fits(network, (height, width)) and not fits(network, (height - 1, width)):
            passed.add(width)
            given = FrameInput(noise(height, width, 1), Record(picture_header(network, (height, width)), 0), SEED)
            container = hide_frame(network, keys, noise(height, width), given)
            found = read(container)
            assert found.whole
            assert reveal_frame(network, KEY, container, found).shape == (height, width, 3)
    assert len(passed) >= 3
    for size in ((1, 1), (5000, 7), (36, 36)):
        with pytest.raises(CapacityError, match=f"too small: {size[1]}×{size[0]} pixels") as caught:
            check_frame_capacity(*size, picture_header(network), KEY, 60_000)
        wide, high = map(int, caught.value.hint.split()[-2].split("×"))
        check_frame_capacity(high, wide, picture_header(network), KEY, 60_000)


# The pair at work on 8 bits


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)[None]


def as_picture(pictures: torch.Tensor) -> np.ndarray:
    return pictures[0].permute(1, 2, 0).detach().double().numpy()


@pytest.mark.parametrize(("shipped", "shuffled"), [(False, True), (True, False)])
def test_a_network_is_the_pair_through_8_bits(weights, picture, shipped, shuffled):
    """In tiles as in one pass: of the shipped pair in small ones, since its reach is known."""
    path, size = (SHIPPED, (32, 2080)) if shipped else (weights, (16, 2080))
    network, pair = Network.load(path, device="cpu", precision="fp32", backend="torch"), load_pair(path)[0]
    cover, secret, base = picture(*size, 1), picture(*size, 2), Base(picture(*size, 9), 2.0)
    shuffle, steps = draw(bytes(range(32)), size[0] // 8, size[1] // 8) if shuffled else None, []
    hidden = network.hide(cover, secret, shuffle, base, lambda *step: steps.append(step))
    assert steps == [(done, len(steps)) for done in range(1, len(steps) + 1)] and len(steps) >= 4

    enhanced = as_picture(pair.enhance(as_tensor(base.picture / 255)))
    shown = (as_picture(pair.prepare(as_tensor(secret / 255))) - enhanced) * base.gain
    shown = apply(shown, shuffle) if shuffled else shown
    exact = as_picture(pair.hide(as_tensor(cover / 255), as_tensor(shown))) * 255
    period = network.period * 255
    exact = np.where(exact < 0, exact + period, np.where(exact > 255, exact - period, exact))
    sure = np.abs(exact % 1 - 0.5) > 2e-3
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(hidden.container[sure], np.rint(exact.clip(0, 255))[sure])
    assert hidden.rounding_error.dtype == np.int8
    assert np.abs(hidden.rounding_error - (exact.clip(0, 255) - hidden.container) * 254)[sure].max() < 1

    found = as_picture(pair.reveal(as_tensor(hidden.container / 255)))
    residual = (invert(found, shuffle) if shuffled else found) / base.gain
    exact = as_picture(pair.restore(as_tensor(enhanced), as_tensor(residual))) * 255
    sure = np.abs(exact % 1 - 0.5) > 2e-3
    np.testing.assert_array_equal(
        network.reveal(hidden.container, shuffle, base)[sure], np.rint(exact.clip(0, 255))[sure]
    )


# Tiles


def tiled(run: Callable[[np.ndarray], np.ndarray], picture: np.ndarray) -> np.ndarray:
    """`run(picture)`, tile by tile."""
    whole = np.empty_like(picture)
    height, width = picture.shape[:2]
    for tile in tiles(height, width, None):
        tile.part(whole)[:] = tile.inside(run(tile.around(picture)))
    return whole


def blurred(reach: int) -> Callable[[np.ndarray], np.ndarray]:
    """The sum of all within `reach`, exact in whole numbers; nothing lies beyond the edges."""

    def run(picture: np.ndarray) -> np.ndarray:
        sums = np.pad(picture.astype(float), ((reach, reach), (reach, reach), (0, 0)))
        for axis in (0, 1):
            sums = np.insert(sums.cumsum(axis), 0, 0, axis)
            size = sums.shape[axis] - 2 * reach - 1
            sums = sums.take(range(2 * reach + 1, 2 * reach + 1 + size), axis) - sums.take(range(size), axis)
        return sums

    return run


def test_the_grid_is_the_books():
    """⌈W / 2048⌉ columns, ⌈H / 1152⌉ rows, inner edges at round(size · i / count / 32) · 32, 192 pixels around."""
    for height, width in [(8, 8), (1152, 2048), (1153, 8), (8, 2049), (2160, 3840), (8, 100_000), (2312, 2048)]:
        picture = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :, None], (height, width, 1))
        columns, rows = -(-width // 2048), -(-height // 1152)
        expected = [
            [0, *(round(size * index / count / 32) * 32 for index in range(1, count)), size]
            for size, count in ((height, rows), (width, columns))
        ]
        cut = []

        def run(part: np.ndarray, cut=cut) -> np.ndarray:
            cut.append((len(part), int(part[0, 0, 0]), int(part[0, -1, 0]) + 1))
            return part

        np.testing.assert_array_equal(tiled(run, picture), picture)
        assert cut == [
            (min(height, bottom + 192) - max(0, top - 192), max(0, left - 192), min(width, right + 192))
            for top, bottom in pairwise(expected[0])
            for left, right in pairwise(expected[1])
        ]


def test_within_the_margin_tiles_equal_one_pass():
    """Beyond it they differ: the margin is not larger than it says."""
    for size in ((2400, 8, 1), (8, 4100, 1)):
        picture = np.random.default_rng(0).integers(0, 1000, size).astype(float)
        np.testing.assert_array_equal(tiled(blurred(MARGIN), picture), blurred(MARGIN)(picture))
        assert (tiled(blurred(MARGIN + 1), picture) != blurred(MARGIN + 1)(picture)).any()


def reach_of(run, count: int, side: int) -> int:
    """Distance from a square in the middle to the farthest sample that it depends on."""
    inputs = [torch.rand(1, 3, side, side, requires_grad=True) for _ in range(count)]
    start, end = side // 2 - 16, side // 2 + 16
    run(*inputs)[..., start:end, start:end].sum().backward()
    gradient = torch.zeros(side, side)
    for picture in inputs:
        assert picture.grad is not None
        gradient += picture.grad[0].abs().sum(0)
    touched = gradient > 0
    places = [line.nonzero().flatten() for line in (touched.any(0), touched.any(1))]
    return max(max(start - int(line[0]), int(line[-1]) + 1 - end) for line in places)


def test_no_network_reaches_further_than_is_known():
    """Where more than MARGIN would be seen, or all of a picture, the grid of the book applies."""
    torch.manual_seed(0)
    pair = build("costa", blocks=6, width=8, backbone="test_convnext").eval()
    for parameter in pair.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    known = receptive_fields(pair)
    for name, count in NETWORKS.items():
        assert reach_of(getattr(pair, name), count, 128) <= known[name] <= MARGIN, name
        assert known[name] > 0 or name == "prepare"
    known = receptive_fields(build("unet", width=2))
    assert (known["reveal"], known["prepare"]) == (6, 0) and "hide" not in known


# Pictures


def test_a_picture_of_another_size_comes_back(exact, picture, five_levels):
    """The margin is the cover but for sealed bits. What would take more memory than its container is refused."""
    cover, secret = picture(61, 97, 1), picture(7, 300, 2)
    container = hide_picture(exact, cover, secret, KEY)
    revealed = reveal_picture(exact, container, KEY)
    assert revealed.whole
    enlarged = five_levels(resize(secret, 56, 96))
    np.testing.assert_array_equal(revealed.picture, unresize(enlarged, 7, 300, noise=10))
    step = np.abs(container.astype(int) - cover)
    assert max(step[56:].max(), step[:, 96:].max()) == 1
    assert step[:56, :96].max() > 1
    assert 0 < (step[56:] > 0).mean() < 0.2  # with chance, a fourth of the time without a run of lead or MAC
    with pytest.raises(CapacityError, match="too large for its cover: 6145×256 pixels in 96×64"):
        hide_picture(exact, picture(64, 96), np.zeros((256, 6145, 3), np.uint8), KEY)


@pytest.mark.parametrize("side", [4096, 65_535])
def test_a_strip_that_is_resized_through_too_many_pixels_is_refused_however_it_lies(exact, side):
    """A strip across its cover has few pixels, as has the cover; between them lies a picture of both lengths."""
    covers, strips = ((8 * 1024, 64), (64, 8 * 1024)), ((1, side), (side, 1))
    refused = {}
    for cover, strip in product(covers, strips):
        try:
            check_frame_capacity(*cover, picture_header(exact, strip), KEY, 0)
        except CapacityError as error:
            refused[cover, strip] = error
    across = dict(zip(covers, strips, strict=True)).items()
    assert refused.keys() == (set(across) if side > 60_000 else set())
    assert all("the secret is too large for its cover" in str(error) for error in refused.values())


def test_hidden_twice_is_unrelated(exact, picture):
    """Another salt, film id, shuffle and places, though the key is the same; but not with the same randomness."""
    pictures = picture(64, 96, 1), picture(64, 96, 2)
    a, b = (hide_picture(exact, *pictures, KEY) for _ in range(2))
    assert (a % 16 // 3 != b % 16 // 3).mean() > 0.5
    assert read(a).record.header.film_id != read(b).record.header.film_id
    assert frame_salt(a) != frame_salt(b)
    a, b = (hide_picture(exact, *pictures, KEY, random.Random(1).randbytes) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_one_error_for_every_reason(exact, picture, quick_scrypt):
    hidden = hide_picture(exact, picture(64, 96, 1), picture(64, 96, 2), KEY)
    broken = hidden.copy()
    broken.reshape(-1)[zones(hidden)["lead"][0]] ^= 1
    unknown = read_picture(VECTORS / "no_such_code.png")
    containers = [picture(64, 96), hidden[:4, :4], hidden[:, ::-1], broken, unreadable(hidden), unknown]
    containers += [sealed(hidden, b"no record"), resize(hidden, 65, 96)]
    told = set()
    for container, key in [*((each, KEY) for each in containers), (hidden, Key(bytes(32))), (hidden, Passphrase("x"))]:
        with pytest.raises(RevealError) as caught:
            reveal_picture(exact, container, key)
        told.add(caught.value.as_text())
    assert len(told) == 1


# Quality of what comes back


def test_a_container_that_visibly_differs_is_told(tmp_path, exact, picture, monkeypatch):
    """As of a network whose containers are the negatives of their covers."""
    for number, name in enumerate(("cover.png", "secret.png")):
        write_png(tmp_path / name, picture(64, 96, number))
    files, how = (tmp_path / "cover.png", tmp_path / "secret.png"), METHODS["network"].info.options(any_quality=True)
    hide = Network.hide

    def loud(network: Network, cover: np.ndarray, *others: Any) -> object:
        error = np.ones(cover.shape, np.int8)
        return replace(hide(network, cover, *others), container=255 - cover, rounding_error=error)

    for name, own, told in (("quiet.png", hide, False), ("loud.png", loud, True)):
        monkeypatch.setattr(Network, "hide", own)
        run = Context(weights=SHIPPED, networks={SHIPPED: exact})
        report = hide_file(HideJob(METHODS["network"], how, run), *files, OutputTarget(tmp_path / name), KEY)
        assert any("visibly differs" in note for note in report.notes) == told


def test_measured_frames_of_a_film():
    """One bad frame of many makes no bad film; what is measured may come in any order, and what is said is the same."""
    quality = SecretQuality(8, (8, 8), (8, 8), False)
    for index in range(1, 8):
        quality.add(index, SecretErrors(0.0, 0.0))
    quality.add(0, SecretErrors(8 * 255**2 / 10 ** (LEAST / 10) - 1, 0.0))
    assert LEAST < quality.psnr() < LEAST + 0.1
    errors, said = {0: SecretErrors(10.0, 0.0), 1: SecretErrors(2e3, 0.0), 2: SecretErrors(5e3, 0.0)}, set()
    for order in permutations(errors):
        quality = SecretQuality(3, (8, 8), (8, 8), False)
        with pytest.raises(CapacityError) as caught:
            for index in order:
                quality.add(index, errors[index])
        said.add(str(caught.value))
    assert len(said) == 1
