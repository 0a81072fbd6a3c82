"""Stage wrongkey: information on a hidden picture from a wrong key, a key with one bit off, and no key.

The program refuses every wrong key with one message. An attacker who changes the program gets past the refusal: the
public reveal network still reads the blocks of the residual, shuffled: what a secret's base, which is sealed, leaves of
it. Where containers have a mask, it reads noise.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.evaluate.quality import PicturePairs
from pipeline.evaluate.statistics import headline_kind
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.errors import StegnetError
from stegnet.core.keystream import Shuffle, draw, draw_mask, grid, invert
from stegnet.core.pixels import from_8_bits
from stegnet.image.pictures import resize
from stegnet.keys import KEY_BYTES, Key, KeyRing, KeySource, Passphrase, seeded
from stegnet.networks import Network, hide_picture, reveal_picture
from stegnet.record import decode_base, read_record
from study.keyless import read_blocks, to_hide
from study.photograph_pairs import Pair, pairs_of
from study.stats import binned, correlation, mutual_information

RIGHT, ONE_BIT, OTHER, NONE = "right key", "one bit off", "another key", "no key"
STATES = (RIGHT, ONE_BIT, OTHER, NONE)
OPENED = "opened"
SECRET_KEY = hashlib.sha256(b"stegnet: a public key, to be guessed wrongly").digest()
BITS = range(8 * len(SECRET_KEY))
MOST_PAIRS = 24


@dataclass(frozen=True)
class KeylessView:
    """A container, and the secret's residual as seen with each key; pictures are (H, W, 3)."""

    cover: np.ndarray  # uint8
    container: np.ndarray  # uint8
    hidden: np.ndarray  # the network's input for the secret, its residual, signed float
    seen: dict[str, np.ndarray]  # by state, as `hidden`


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), PicturePairs(shards, config.evaluate.shift)
    some = pairs_of(pairs, headline_kind(pairs.kinds))[:MOST_PAIRS]
    views = [view(network, pair, SECRET_KEY, config.seed + number) for number, pair in enumerate(bar(some, "wrongkey"))]
    summary, refused = compare(views), answers(views, Network.load(weights), config.seed)
    write_table(out / "summary.csv", summary)
    write_table(out / "answers.csv", refused)
    figures = headline(summary.set_index("state"), refused)
    write_json(out / "metrics.json", figures)
    print(f"{figures['attempts']} attempts, {figures['opened']} opened, answers: {figures['answers']}")
    shares = [f"{name} {figures[f'{name}_bits']:.4f}" for name in ("right_key", "one_bit_off", "no_key", "unrelated")]
    print(f"bits a sample shared with the secret's residual: {', '.join(shares)}")


def view(network: Network, pair: Pair, secret_key: bytes, seed: int) -> KeylessView:
    """Hides a secret in a cover, and views it with every key; the seed decides all that is random.

    A wrong key does not even open the film id, from which the shuffle is drawn; here the attacker is given it.
    """
    cover, secret = pair
    key, random = Key(secret_key), seeded(seed)
    container = hide_picture(network, cover, secret, key, random)
    record = read_record(container, KeyRing(key), first=True).record
    rows, cols = grid(*container.shape[:2], network.block)
    height, width = rows * network.block, cols * network.block
    base = decode_base(record.base, record.header.secret.base, height, width)
    base = replace(base, enhanced=network.enhance(base.picture))
    whole = reveal_picture(network, container, key).picture
    seen = {RIGHT: to_hide(resize(whole, height, width), base)}
    hiding = container[:height, :width]
    for state, wrong in ((ONE_BIT, one_bit_off(secret_key, seed % 256)), (OTHER, Key(random(32)))):
        shuffle = draw(wrong.shuffle(record.header.film_id, record.index), rows, cols)
        seen[state] = read_with(network, hiding, shuffle)
    seen[NONE] = read_blocks(network, hiding)
    return KeylessView(cover, container, to_hide(resize(secret, height, width), base), seen)


def read_with(network: Network, container: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """The public reveal network's output without the mask of a shuffle, in the order that it gives."""
    height, width = container.shape[:2]
    mask = draw_mask(shuffle, slice(0, height), width) * np.float32(network.period)
    return invert(network.engine.reveal(from_8_bits(container) - mask), shuffle)


def compare(views: list[KeylessView]) -> pd.DataFrame:
    """Likeness of grey values, the means of the channels, that are seen in each state to those that are hidden.

    A small excess of information over the others' mean is no trace of order: a secret's own blocks, shuffled at random,
    share as much, since the bias of the estimate depends on their variance.

    Returns:
        columns state, correlation and mutual_information (bits) with the own secret, the same with _others, the mean
        over the other secrets of the list (of the correlation's magnitude), which is what chance gives, and pairs;
        means over the views.
    """
    secrets = [view.hidden.mean(-1) for view in views]
    rows = []
    for state in STATES:
        seen = [view.seen[state].mean(-1) for view in views]
        tied = np.array([[correlation(one, secret) for secret in secrets] for one in seen])
        bins = [binned(secret) for secret in secrets]
        shared = np.array([[mutual_information(binned(one), secret) for secret in bins] for one in seen])
        own = np.eye(len(views), dtype=bool)
        row = {"state": state, "correlation": tied[own].mean(), "correlation_others": np.abs(tied[~own]).mean()}
        row |= {"mutual_information": shared[own].mean(), "mutual_information_others": shared[~own].mean()}
        rows.append(row | {"pairs": len(views)})
    return pd.DataFrame(rows)


def headline(states: pd.DataFrame, refused: pd.DataFrame) -> dict[str, float]:
    """The headline figures: of attempts, and information on the secret's residual."""
    bits, wrong = states["mutual_information"], states.loc[[ONE_BIT, OTHER, NONE]]
    return {
        "attempts": int(refused["count"].sum()),
        "opened": int(refused.loc[refused["answer"] == OPENED, "count"].sum()),
        "answers": refused["answer"].nunique(),
        **{f"{state.replace(' ', '_')}_bits": round(float(bits[state]), 4) for state in STATES},
        "unrelated_bits": round(float(wrong["mutual_information_others"].mean()), 4),
        "right_key_correlation": round(float(states.loc[RIGHT, "correlation"]), 4),
    }


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


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=EvaluateParameters)
