"""Stage wrongkey: information on a hidden picture from a wrong key, a key with one bit off, and no key.

The program refuses every wrong key with one message. An attacker who changes the program gets past the refusal: the
public reveal network still reads the blocks of the residual, shuffled: what a secret's base, which is sealed, leaves of
it. Where containers have a mask, it reads noise.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.evaluate.quality import LabelledImage, PicturePairs, image_grid
from pipeline.evaluate.statistics import headline_kind, publishable_kind
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.errors import StegnetError
from stegnet.core.keystream import Shuffle, draw, draw_mask, grid, invert
from stegnet.core.pixels import GREY, LEVELS, Base, from_8_bits, to_8_bits
from stegnet.image.pictures import resize, write_png
from stegnet.keys import KEY_BYTES, Key, KeyRing, KeySource, Passphrase, seeded
from stegnet.networks import Network, hide_picture, reveal_picture
from stegnet.record import decode_base, read_record
from study.keyless import read_blocks, to_hide
from study.stats import binned, correlation, mutual_information

RIGHT, IN_ORDER, ONE_BIT, OTHER, NONE = "right key", "right shuffle alone", "one bit off", "another key", "no key"
STATES = (RIGHT, IN_ORDER, ONE_BIT, OTHER, NONE)
PICTURE, RESIDUAL = "picture", "residual"
OPENED = "opened"
SECRET_KEY = hashlib.sha256(b"stegnet: a public key, to be guessed wrongly").digest()
BITS = range(8 * len(SECRET_KEY))
SHOWN = 4
MOST_PAIRS = 24  # of each kind


@dataclass(frozen=True)
class KeylessView:
    """A container, and the secret as seen with each key; pictures are (H, W, 3) uint8."""

    names: tuple[str, str]  # of cover and secret
    cover: np.ndarray
    container: np.ndarray
    secret: np.ndarray  # as large as the area that hides it
    base: Base  # of the secret, which is sealed
    hidden: np.ndarray  # the network's input for the secret, its residual, (H, W, 3) float, signed
    seen: dict[str, np.ndarray]  # by state, as `hidden`; with the right key, the whole picture less mid-grey


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), PicturePairs(shards, config.evaluate.shift)
    main_kind = headline_kind(pairs.kinds)
    out.mkdir(parents=True, exist_ok=True)
    compared = []
    for kind in sorted(pairs.kinds, key=lambda kind: kind != main_kind):
        views = all_views(network, pairs, kind, SECRET_KEY, config.seed)
        compared.append(compare(views).assign(kind=kind))
        if kind == publishable_kind(pairs.kinds):
            examples = views[:: max(1, len(views) // SHOWN)][:SHOWN]  # neighbours may be squares of one photograph
            write_png(out / "pictures.png", image_grid(*panel(examples)))
        if kind == main_kind:
            refused = answers(views, Network.load(weights), config.seed)
    _write(pd.concat(compared), refused, out)


def view(network: Network, pairs: PicturePairs, kind: str, index: int, secret_key: bytes, seed: int) -> KeylessView:
    """Hides pair `index` of a kind, and views it with every key; the seed decides all that is random.

    A wrong key does not even open the film id, from which the shuffle is drawn; here the attacker is given it.
    """
    (cover_name, cover), (secret_name, secret) = pairs.pair(kind, index)
    key, random = Key(secret_key), seeded(seed)
    container = hide_picture(network, cover, secret, key, random)
    record = read_record(container, KeyRing(key), first=True).record
    rows, cols = grid(*container.shape[:2], network.block)
    height, width = rows * network.block, cols * network.block
    hiding = container[:height, :width]
    wrong = {IN_ORDER: key, ONE_BIT: one_bit_off(secret_key, seed % 256), OTHER: Key(random(32))}
    film, index = record.header.film_id, record.index
    shuffles = {state: draw(of.shuffle(film, index), rows, cols) for state, of in wrong.items()}
    seen = {state: read_with(network, hiding, shuffle) for state, shuffle in shuffles.items()}
    whole = resize(reveal_picture(network, container, key).picture, height, width)
    area = resize(secret, height, width)
    seen |= {RIGHT: centred(whole), NONE: read_blocks(network, hiding)}
    base = decode_base(record.base, record.header.secret.base, height, width)
    base = replace(base, enhanced=network.enhance(base.picture))
    return KeylessView((cover_name, secret_name), cover, container, area, base, to_hide(area, base), seen)


def all_views(network: Network, pairs: PicturePairs, kind: str, secret_key: bytes, seed: int) -> list[KeylessView]:
    """`view` of the first MOST_PAIRS pairs of a kind."""
    indices = range(min(MOST_PAIRS, pairs.count(kind)))
    return [view(network, pairs, kind, index, secret_key, seed + index) for index in bar(indices, "wrongkey")]


def compare(views: list[KeylessView]) -> pd.DataFrame:
    """Similarity of each view with its own secret, and with the other secrets of the list, which is what chance gives.

    Grey values are compared: the mean of the channels. For "residual", the picture that the right key shows is compared
    without its base.

    Returns:
        columns cover, secret, state, of (picture or residual), correlation and mutual_information (bits) with its own
        secret; the same with _others, the mean over the others (of the correlation's magnitude); and told: 1 if no
        other secret shares more information with it.
    """
    rows = []
    secrets = {
        PICTURE: [_Grey(centred(view.secret)) for view in views],
        RESIDUAL: [_Grey(view.hidden) for view in views],
    }
    for number, view in enumerate(views):
        for of, state in ((of, state) for of in secrets for state in STATES):
            names = dict(zip(("cover", "secret"), view.names, strict=True)) | {"state": state, "of": of}
            bare = of == RESIDUAL and state == RIGHT  # a whole picture loses its base
            seen = to_hide(shown(view, state), view.base) if bare else view.seen[state]
            rows.append(names | _against(_Grey(seen), secrets[of], number))
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the pairs, by kind, state and compared layer, of the table of `compare` with a column kind.

    A small excess of information over the others' mean is no trace of order: a secret's own blocks, shuffled at random,
    share as much, since the bias of the estimate depends on their variance.
    """
    groups = table.drop(columns=["cover", "secret"]).groupby(["kind", "state", "of"], sort=False)
    return groups.mean().assign(pairs=groups.size()).reset_index()


def headline(summary: pd.DataFrame, refused: pd.DataFrame) -> dict[str, float]:
    """The headline figures, of the first kind of pictures; information on the secret's residual."""
    rows = summary[(summary["kind"] == summary["kind"].iloc[0]) & (summary["of"] == RESIDUAL)].set_index("state")
    bits, wrong = rows["mutual_information"], rows.loc[[ONE_BIT, OTHER, NONE]]
    return {
        "attempts": int(refused["count"].sum()),
        "opened": int(refused.loc[refused["answer"] == OPENED, "count"].sum()),
        "answers": refused["answer"].nunique(),
        **{f"{state.replace(' ', '_')}_bits": round(float(bits[state]), 4) for state in (RIGHT, ONE_BIT, OTHER, NONE)},
        "unrelated_bits": round(float(wrong["mutual_information_others"].mean()), 4),
        "right_key_correlation": round(float(rows.loc[RIGHT, "correlation"]), 4),
    }


def panel(views: list[KeylessView]) -> tuple[Sequence[str], list[list[LabelledImage]]]:
    """Titles and rows for `image_grid`: pictures, with the correlation of their grey values with the secret."""
    states = (RIGHT, ONE_BIT, NONE)
    rows = []
    for view in views:
        secret = centred(view.secret)
        tied = [correlation(view.seen[state].mean(-1), secret.mean(-1)) for state in states]
        seen = [(shown(view, state), f"r = {of:.2f}") for state, of in zip(states, tied, strict=True)]
        rows.append([(view.container, ""), (view.secret, ""), *seen])
    return ("container", "secret", *states), rows


def shown(view: KeylessView, state: str) -> np.ndarray:
    """(H, W, 3) uint8: the view, on grey where the base is missing."""
    return to_8_bits(view.seen[state] + GREY / LEVELS)


def answers(views: list[KeylessView], network: Network, seed: int) -> pd.DataFrame:
    """Counts of the program's answers to wrong keys: columns kind, answer (error and hint, or "opened"), count.

    Each bit of the key is flipped on the first container, and one bit on each of the others. On a cover, in which
    nothing is hidden, the right key is used.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for number, view in enumerate(views):
        bits = BITS if number == 0 else (BITS[number],)
        attempts: list[tuple[str, np.ndarray, KeySource]] = [
            ("another key", view.container, Key(seeded(seed + number)(KEY_BYTES))),
            *(("one bit off", view.container, one_bit_off(SECRET_KEY, bit)) for bit in bits),
            ("no key: all zeros", view.container, Key(bytes(KEY_BYTES))),
            ("a passphrase", view.container, Passphrase("correct horse battery staple")),
            ("nothing hidden", view.cover, Key(SECRET_KEY)),
        ]
        for kind, container, key in attempts:
            try:
                reveal_picture(network, container, key)
                counts[kind, OPENED] += 1
            except StegnetError as error:
                counts[kind, error.as_text()] += 1
    return pd.DataFrame([(*labels, count) for labels, count in counts.items()], columns=["kind", "answer", "count"])


def one_bit_off(secret: bytes, bit: int) -> Key:
    """The key of these 32 bytes with one bit flipped, counted from 0 at the first byte's highest."""
    bits = np.unpackbits(np.frombuffer(secret, np.uint8))
    bits[bit] ^= 1
    return Key(np.packbits(bits).tobytes())


def centred(frame: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 to signed float, 0 for grey: what is hidden where there is no base."""
    return to_hide(frame, Base.grey(*frame.shape[:2]))


def read_with(network: Network, container: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """The public reveal network's output without the mask of a shuffle, in the order that it gives."""
    height, width = container.shape[:2]
    mask = draw_mask(shuffle, slice(0, height), width) * np.float32(network.period)
    return invert(network.engine.reveal(from_8_bits(container) - mask), shuffle)


def _write(compared: pd.DataFrame, refused: pd.DataFrame, out: Path) -> None:
    summary = summarise(compared)
    write_table(out / "pairs.csv", compared)
    write_table(out / "summary.csv", summary)
    write_table(out / "answers.csv", refused)
    figures = headline(summary, refused)
    write_json(out / "metrics.json", figures)
    print(f"{figures['attempts']} attempts, {figures['opened']} opened, answers: {figures['answers']}")
    shares = [f"{name} {figures[f'{name}_bits']:.4f}" for name in ("right_key", "one_bit_off", "no_key", "unrelated")]
    print(f"bits a sample shared with the secret's residual: {', '.join(shares)}")


class _Grey:
    """A picture's grey values and their bins."""

    def __init__(self, picture: np.ndarray) -> None:
        self.values = picture.mean(-1)
        self.bins = binned(self.values)


def _against(seen: _Grey, secrets: list[_Grey], own: int) -> dict[str, float]:
    correlations = np.array([correlation(seen.values, secret.values) for secret in secrets])
    shared = np.array([mutual_information(seen.bins, secret.bins) for secret in secrets])
    others = np.arange(len(secrets)) != own
    return {
        "correlation": correlations[own],
        "correlation_others": np.abs(correlations[others]).mean(),
        "mutual_information": shared[own],
        "mutual_information_others": shared[others].mean(),
        "told": float(shared.argmax() == own),
    }


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
