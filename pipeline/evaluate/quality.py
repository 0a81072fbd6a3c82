"""Quality of a pair, measured and shown on containers that were written to PNG files and read back; and its speed."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from timeit import repeat
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.shards import TEST, Shards, read_manifest
from pipeline.stage import bar
from pipeline.tensors import seeded_shuffle
from stegnet.core.compute import device_name
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import DataError
from stegnet.core.keystream import grid
from stegnet.core.measures import (
    APD,
    BARE,
    BASE_PSNR,
    DIFFERENCE_GAIN,
    HIDE_MS,
    PSNR,
    RESTORED_BASE_PSNR,
    REVEAL_MS,
    SEALED,
    SIDES,
    SSIM,
    apd,
    difference,
    psnr,
    ssim,
)
from stegnet.core.parallel import parallel_map
from stegnet.core.pixels import to_8_bits
from stegnet.core.process_settings import keep_freed_memory
from stegnet.image.pictures import read_picture, resize, write_png
from stegnet.keys import PUBLIC_DEMONSTRATION_KEY, KeyRing, seeded
from stegnet.networks import Network, at_own_size, hide_picture, reveal_picture
from stegnet.networks.engines import Engine
from stegnet.record import encode_base, read_record
from stegnet.sealing import record_capacity

Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB
MeasureFunction = Callable[[Pixels, Pixels], float]
PIXEL_MEASURES: dict[str, MeasureFunction] = {  # a name has no underscore, and is in `MEASURES`
    PSNR.key: psnr,
    SSIM.key: ssim,
    APD.key: apd,
}

LabelledImage = tuple[Pixels, str]  # (H, W, 3) uint8; a label or ""
NamedPicture = tuple[str, Pixels]
Row = dict[str, str | float]  # a pair's kind, mode, names and figures
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class HideRevealResult:
    """The names of cover and secret, and the pictures before and after; each (H, W, 3) uint8."""

    names: tuple[str, str]
    cover: Pixels
    container: Pixels
    secret: Pixels
    revealed: Pixels


def setup_of(network: Network) -> dict[str, str]:
    """Return backend, device, precision and threads of a measurement, by name."""
    engine = network.engine
    return {
        "backend": engine.backend,
        "device": device_name(torch.device(str(engine.device))),
        "precision": engine.precision,
        "threads": str(torch.get_num_threads()),
    }


class PicturePairs:
    """Pairs of cover and secret among the test pictures in shards.

    The secret for picture i is picture i + shift, among the pictures of one kind, which is their source. A kind with a
    single picture is skipped, since no picture is hidden in itself. Raises DataError if there is no other kind.
    """

    def __init__(self, shards: Path, shift: int) -> None:
        self._shift = shift
        self._pictures = Shards(shards, TEST)
        entries = list(read_manifest(shards, TEST))
        self._names = [entry.name for entry in entries]
        kinds = [entry.source for entry in entries]
        members: dict[str, list[int]] = {}
        for index, kind in enumerate(kinds):
            members.setdefault(kind, []).append(index)
        self._members = {kind: indices for kind, indices in members.items() if len(indices) > 1}
        if not self._members:
            raise DataError(f"{shards}: one test picture can't be hidden in another", "raise data.test_scenes")

    @property
    def kinds(self) -> list[str]:
        """The sources of test pictures, in the order of the manifest."""
        return list(self._members)

    def count(self, kind: str) -> int:
        """Return the number of test pictures of a kind."""
        return len(self._members[kind])

    def pair(self, kind: str, index: int) -> tuple[NamedPicture, NamedPicture]:
        """Return cover and secret number `index` of a kind."""
        members = self._members[kind]
        shift = self._shift % len(members) or 1
        cover = members[index % len(members)]
        secret = members[(index + shift) % len(members)]
        return (self._names[cover], self._pictures[cover]), (self._names[secret], self._pictures[secret])


class Evaluator:
    """Measurements of a pair on `PicturePairs`; `seed` is the seed of all randomness."""

    def __init__(self, network: Network, shards: Path, shift: int, seed: int) -> None:
        self.pairs = PicturePairs(shards, shift)
        self._network = network
        self._seed = seed

    def run(self, kind: str, index: int, mode: str) -> HideRevealResult:
        """Hide, write, read and reveal pair `index` of a kind; mode is SEALED or BARE."""
        (cover_name, cover), (secret_name, secret) = self.pairs.pair(kind, index)
        hide = hide_and_reveal if mode == SEALED else _without_sealed_bits
        container, revealed = hide(self._network, cover, secret, self._seed + index)
        return HideRevealResult((cover_name, secret_name), cover, container, secret, revealed)

    def evaluate(self, shown: int = 0) -> tuple[pd.DataFrame, dict[str, list[HideRevealResult]]]:
        """Return one row per kind, pair and mode, with measures of pixels of both sides; and pictures to show.

        Sealed rows also have the PSNR of the base, which is nan in bare rows. The pictures are those of the first
        `shown` pairs of each kind, with sealed bits.
        """

        def measured(pair: tuple[str, int]) -> tuple[list[Row], list[HideRevealResult]]:
            kind, index = pair
            sealed = self.run(kind, index, SEALED)
            names = dict(zip(("cover", "secret"), sealed.names, strict=True))
            rows = [{"kind": kind, "mode": SEALED} | names | measure_quality(sealed) | self._bases(sealed)]
            rows.append({"kind": kind, "mode": BARE} | names | measure_quality(self.run(kind, index, BARE)))
            return rows, [sealed] if index < shown else []

        rows: list[Row] = []
        results: dict[str, list[HideRevealResult]] = {kind: [] for kind in self.pairs.kinds}
        for kind in self.pairs.kinds:
            jobs = ((kind, index) for index in bar(range(self.pairs.count(kind)), "evaluate"))
            with closing(map_in_threads(measured, jobs)) as pairs:
                for both, result in pairs:
                    rows += both
                    results[kind] += result
        return pd.DataFrame(rows), results

    def _bases(self, sealed: HideRevealResult) -> Row:
        """Return the PSNR of the secret's base alone, as the record holds it, and as the pair enhances it."""
        reading = read_record(sealed.container, KeyRing(PUBLIC_DEMONSTRATION_KEY), first=True)
        assert reading.base
        base = reading.base.picture
        both = {BASE_PSNR: base, RESTORED_BASE_PSNR: to_8_bits(self._network.enhance(base))}
        return {column: psnr(sealed.secret, at_own_size(picture, reading)) for column, picture in both.items()}


def hide_and_reveal(network: Network, cover: Pixels, secret: Pixels, seed: int) -> tuple[Pixels, Pixels]:
    """Return the container as read from a PNG file, and the picture revealed from it.

    The key is the public demonstration key. Pictures are (H, W, 3) uint8; `seed` is the seed of all randomness in
    hiding. Raises CapacityError for a small cover.
    """
    container = through_file(hide_picture(network, cover, secret, PUBLIC_DEMONSTRATION_KEY, seeded(seed)))
    return container, reveal_picture(network, container, PUBLIC_DEMONSTRATION_KEY).picture


def _without_sealed_bits(network: Network, cover: Pixels, secret: Pixels, seed: int) -> tuple[Pixels, Pixels]:
    """Hide and reveal as `hide_and_reveal`, but give the reveal network shuffle and base."""
    height, width = secret.shape[:2]
    rows, cols = grid(height, width, network.block)
    shuffle = seeded_shuffle(seed, rows, cols)
    most = record_capacity(height, width) or 0
    _, base = encode_base(secret, network.base, network.quality, most, enhance=network.enhance)
    container = through_file(network.hide(cover, secret, shuffle, base).container)
    return container, network.reveal(container, shuffle, base)


def map_in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Map `work` over the items, in order, in the number of threads that torch may use; each computes with one.

    The results are therefore the same for any number of threads.
    """

    def alone(item: Item) -> Result:
        torch.set_num_threads(1)
        return work(item)

    return parallel_map(alone, items, torch.get_num_threads())


def measure_quality(result: HideRevealResult) -> dict[str, float]:
    """Return each measure of container and secret, by column, such as container_psnr."""
    pictures = dict(zip(SIDES, ((result.cover, result.container), (result.secret, result.revealed)), strict=True))
    return {f"{side}_{key}": function(*pictures[side]) for side in SIDES for key, function in PIXEL_MEASURES.items()}


def through_file(picture: Pixels) -> Pixels:
    """Write an (H, W, 3) uint8 picture to a PNG file and read it back."""
    with temporary_folder() as folder:
        path = folder / "container.png"
        write_png(path, picture)
        return read_picture(path)


# Speed


def measure_speed(engine: Engine) -> dict[str, float]:
    """Return milliseconds for a megapixel, to hide and to reveal: the median of several runs, after one to warm up.

    Both sides enhance the secret's base. Pictures begin and end in the CPU's memory, as elsewhere. Memory that one run
    has freed serves the next one, as in a film, and need not be cleared by the system first.
    """
    keep_freed_memory()
    height = width = 1000  # a megapixel, computed as one tile
    cover, secret = np.random.default_rng(0).random((2, height, width, 3), np.float32)

    def hide() -> None:
        engine.hide(cover, engine.prepare(secret) - engine.enhance(secret))

    def reveal() -> None:
        engine.restore(engine.enhance(secret), engine.reveal(cover))

    return {HIDE_MS: milliseconds(hide), REVEAL_MS: milliseconds(reveal)}


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median time of several runs, after one to warm up."""
    timed_runs = 3
    seconds = repeat(work, number=1, repeat=1 + timed_runs)
    return round(1000 * median(seconds[1:]), 1)


def contact_sheet(results: Sequence[HideRevealResult], size: tuple[int, int] | None = None) -> Pixels:
    """Return one row per result, (H, W, 3) uint8, labelled with the PSNR in dB of container and revealed picture.

    PSNR and difference are computed at full size. A cell is as large as the first cover unless its size is given.
    """
    height, width = size or results[0].cover.shape[:2]
    rows = []
    for result in results:
        cells: list[LabelledImage] = [
            (result.cover, ""),
            (result.container, f"{psnr(result.cover, result.container):.1f} dB"),
            (difference(result.cover, result.container), ""),
            (result.secret, ""),
            (result.revealed, f"{psnr(result.secret, result.revealed):.1f} dB"),
        ]
        rows.append([(resize(image, height, width), label) for image, label in cells])
    return image_grid(("cover", "container", f"difference x{DIFFERENCE_GAIN}", "secret", "revealed"), rows)


def image_grid(titles: Sequence[str], rows: Sequence[Sequence[LabelledImage]]) -> Pixels:
    """Return pictures of one size in rows and columns, with a title above each column and labels in the corners."""
    gap, title_height, label_height = 6, 26, 14  # pixels
    height, width = rows[0][0][0].shape[:2]
    lefts = [gap + column * (width + gap) for column in range(len(titles) + 1)]
    tops = [title_height + gap + row * (height + gap) for row in range(len(rows) + 1)]
    page = Image.new("RGB", (lefts[-1], tops[-1]), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(label_height)

    for left, title in zip(lefts, titles, strict=False):
        draw.text((left + 2, gap), title, "black", font)
    for top, cells in zip(tops, rows, strict=False):
        for left, (image, label) in zip(lefts, cells, strict=False):
            page.paste(Image.fromarray(image), (left, top))
            if label:
                position = left + 4, top + 2
                draw.rectangle(draw.textbbox(position, label, font), fill="black")
                draw.text(position, label, "white", font)
    return np.asarray(page)
