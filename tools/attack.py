"""What the shuffle gives away to somebody who has the program but not the key: python -m tools.attack.

Three attacks: a jigsaw solver on single pictures, a known frame of a film, and what shuffled blocks show by
themselves. Seeds are fixed. Tables go to stdout and, with each picture's figures, to a folder.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from stegnet.channel import from_8_bits
from stegnet.codec import Network
from stegnet.data.catalogue import read_catalogue, read_package_pictures
from stegnet.data.fit import cut
from stegnet.evaluation.borders import Rules
from stegnet.evaluation.glimpse import histogram_correlation, mean_colour_error, recognised
from stegnet.evaluation.jigsaw import neighbour_accuracy, random_placement, solve, truth
from stegnet.evaluation.known_frame import averaged, likeness, match, pan, placed, predicted, recover, to_hide
from stegnet.media import read_picture
from stegnet.models import SHIPPED
from stegnet.scramble import Shuffle, apply, random_shuffle
from tools.attack_report import write

Named = tuple[str, np.ndarray]
Row = dict[str, Any]
ReadOut = Callable[[np.ndarray, Shuffle], np.ndarray]  # a secret and its shuffle to what the attacker sees

CATALOGUE = Path("assets/sources.yaml")
NO_SCENE = {"hubble_deep_field.jpg", "ihc.png"}  # packaged pictures of stars and of cells
SUFFIXES = {".jpg", ".jpeg", ".png"}
SIZE = 256
BLOCKS = (32, 16, 8)
BLOCK = 8  # stegnet's own
KEYED = Rules()  # turned, flipped and negated: what stegnet does
FRAMES = 8  # of a still film, averaged
KINDS = {  # is the detail layer on, and what does the key change besides places?
    "plain": (False, Rules(turned=False, negated=False)),
    "plain, turned": (False, Rules(negated=False)),
    "plain, turned, negated": (False, KEYED),
    "detail, turned, negated": (True, KEYED),
}
SOLVERS = {"brightness": False, "blind": True}
FILMS = {"still": 0, "slow, 1 px": 1, "fast, 16 px": 16}
RANDOM_DRAWS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="a folder of photographs in the place of the packaged ones")
    parser.add_argument("--limit", type=int, default=7, help="how many of them at most")
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="the network of the real case")
    parser.add_argument("--out", type=Path, default=Path("reports/attack"))
    options = parser.parse_args()
    photographs = list(islice(_photographs(options.pictures), options.limit))
    squares = [(name, cut(picture, SIZE, 1)[0]) for name, picture in photographs]
    network = Network.load(options.weights, device="cpu", precision="fp32")
    with tqdm(photographs, dynamic_ncols=True) as bar:
        rows = [row for number in range(len(bar)) for row in _attack(photographs, squares, number, network, bar)]
    write(pd.DataFrame(rows + list(_glimpses(squares))), options.out)


def _photographs(folder: Path | None) -> Iterator[Named]:
    """Those large enough for a film that pans."""
    if folder:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        pictures: Iterator[Named] = ((path.name, read_picture(path)) for path in files)
    else:
        packages = [source for source in read_catalogue(CATALOGUE) if source.kind == "package"]
        pictures = chain.from_iterable(map(read_package_pictures, packages))
    for name, picture in pictures:
        height, width = picture.shape[:2]
        if name not in NO_SCENE and height >= SIZE and width >= SIZE + max(FILMS.values()):
            yield name, picture


def _attack(photographs: list[Named], squares: list[Named], number: int, network: Network, bar: tqdm) -> Iterator[Row]:
    """The figures of all attacks on one picture."""
    name, square = squares[number]
    bar.set_description(name)
    read_out = partial(_read_out, network, squares[number - 1][1])
    photograph = photographs[number][1]
    for row in chain(
        _puzzles(square, number), _revealed(read_out, square, number), _films(read_out, photograph, number)
    ):
        yield {"picture": name} | row
    bar.update()


def _read_out(network: Network, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """The blocks that the public reveal net reads out of a container, (H, W, 3) float, still shuffled."""
    container = network.hide(cover, secret, shuffle).container
    with torch.inference_mode():
        return _last(network.pair.reveal(from_8_bits(torch.from_numpy(container).permute(2, 0, 1)[None])))


def _puzzles(square: np.ndarray, seed: int) -> Iterator[Row]:
    """The solvers on exact blocks."""
    for block in BLOCKS:
        for kind, (detail, rules) in KINDS.items():
            shuffle = _shuffle(block, rules, seed)
            found = _solved(_shuffled(to_hide(square, detail), shuffle), shuffle, rules)
            found["random"] = _by_chance(shuffle, rules)
            yield from _rows("jigsaw", kind, block, "neighbours", found)


def _revealed(read_out: ReadOut, square: np.ndarray, seed: int) -> Iterator[Row]:
    """The solvers on what the public reveal net reads out of a container, and of a still film's frames."""
    for block in BLOCKS:
        shuffle = _shuffle(block, KEYED, seed)
        seen = read_out(square, shuffle)
        yield from _rows("revealed", "one picture", block, "neighbours", _solved(seen, shuffle, KEYED))
    others = [_shuffle(BLOCK, KEYED, seed + 1000 * frame) for frame in range(1, FRAMES)]
    mean = averaged([seen, *(read_out(square, other) for other in others)], BLOCK, KEYED)
    figures = _solved(mean, shuffle, KEYED)
    yield from _rows("revealed", f"{FRAMES} frames of a still film", BLOCK, "neighbours", figures)


def _films(read_out: ReadOut, photograph: np.ndarray, seed: int) -> Iterator[Row]:
    """What a known frame gives away of the next one."""
    same, fresh = _shuffle(BLOCK, KEYED, seed), _shuffle(BLOCK, KEYED, seed + 1000)
    for film, step in FILMS.items():
        known, secret = pan(photograph, SIZE, step)
        for kind, detail in (("plain", False), ("detail", True)):
            hidden = to_hide(known, detail)
            found = match(hidden, _shuffled(hidden, same), BLOCK, KEYED)
            yield from _rows("one shuffle", kind, BLOCK, film, {"placed": placed(found, same)})
            seen = _shuffled(to_hide(secret, detail), fresh)
            yield from _matched(seen, fresh, (known, secret, step), kind, film)
        yield from _matched(read_out(secret, fresh), fresh, (known, secret, step), "detail, revealed", film)


def _matched(
    seen: np.ndarray, shuffle: Shuffle, frames: tuple[np.ndarray, np.ndarray, int], kind: str, film: str
) -> Iterator[Row]:
    """What matching with a known frame gives, at the same place and with known motion."""
    known, secret, step = frames
    detail = kind != "plain"
    for attack, guess in (("same place", known), ("motion known", predicted(known, step))):
        found = match(to_hide(guess, detail), seen, BLOCK, KEYED)
        own = dict(zip(("known psnr", "known ssim", "known correlation"), likeness(guess, secret), strict=True))
        figures = asdict(recover(seen, found, shuffle, guess, secret, detail)) | own
        yield from _rows(f"fresh shuffle, {attack}", kind, BLOCK, film, figures)


def _glimpses(squares: list[Named]) -> Iterator[Row]:
    """What shuffled blocks show by themselves."""
    for kind, (detail, rules) in KINDS.items():
        secrets = [to_hide(square, detail) for _, square in squares]
        seen = [_shuffled(secret, _shuffle(BLOCK, rules, seed)) for seed, secret in enumerate(secrets)]
        plain = [to_hide(square, detail=False) for _, square in squares]
        told = recognised(seen, secrets, BLOCK)
        for (name, _), shown, secret in zip(squares, seen, plain, strict=True):
            figures = {
                "histogram correlation": histogram_correlation(shown, secret),
                "mean colour error": mean_colour_error(shown, secret),
                "recognised": told,
            }
            yield from ({"picture": name} | row for row in _rows("glimpse", kind, BLOCK, "", figures))


def _solved(seen: np.ndarray, shuffle: Shuffle, rules: Rules) -> dict[str, float]:
    block, true = SIZE // shuffle.rows, truth(shuffle)
    return {name: neighbour_accuracy(solve(seen, block, rules, blind=blind), true) for name, blind in SOLVERS.items()}


def _by_chance(shuffle: Shuffle, rules: Rules) -> float:
    random, true = np.random.default_rng(0), truth(shuffle)
    draws = [random_placement(shuffle.rows, shuffle.cols, rules, random) for _ in range(RANDOM_DRAWS)]
    return float(np.mean([neighbour_accuracy(placement, true) for placement in draws]))


def _shuffle(block: int, rules: Rules, seed: int) -> Shuffle:
    side = SIZE // block
    shuffle = random_shuffle(torch.Generator().manual_seed(seed), side, side)
    orientation, negative = shuffle.orientation * rules.turned, shuffle.negative & rules.negated
    return replace(shuffle, orientation=orientation, negative=negative)


def _shuffled(picture: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    return _last(apply(torch.from_numpy(picture).permute(2, 0, 1)[None], [shuffle]))


def _last(pictures: torch.Tensor) -> np.ndarray:
    """(1, 3, H, W) to (H, W, 3)."""
    return pictures[0].permute(1, 2, 0).contiguous().numpy()


def _rows(attack: str, kind: str, block: int, setting: str, figures: dict[str, float]) -> Iterator[Row]:
    for measure, value in figures.items():
        labels = {"attack": attack, "kind": kind, "block": block, "setting": setting, "measure": measure}
        yield labels | {"value": value}


if __name__ == "__main__":
    main()
