import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stegnet.keys import Identity
from stegnet.sealing.carriers import frame_salt, public_order, zones_of
from stegnet.sealing.costs import texture_costs
from study import recipients
from study.recipients import attack, main

IDENTITIES = [Identity(bytes([number]) * 32) for number in (1, 2)]
PUBLIC = IDENTITIES[0].recipient.public


def zone(picture: np.ndarray) -> np.ndarray:
    """Numbers of the samples that an ephemeral key would be in."""
    order = public_order(picture.size, PUBLIC, frame_salt(picture))
    return order.numbers(zones_of(picture.size, ephemeral=True).public)


def stepped(picture: np.ndarray, greens: np.ndarray, levels: int, offsets: tuple[int, ...]) -> np.ndarray:
    """A copy in which samples beside these green ones went up or down, but for samples of the salt."""
    samples = picture.copy().reshape(-1)
    signs = np.random.default_rng(1).choice([-levels, levels], greens.size)
    for offset in offsets:
        near = greens + offset
        kept = near % 31 != 15
        samples[near[kept]] = np.clip(samples[near[kept]].astype(int) + signs[kept], 0, 255)
    return samples.reshape(picture.shape)


def test_what_the_attacks_find(cat):
    """Steps of green alone; large ones of whole pixels that a writer would move, and hardly small ones."""
    greens = zone(cat)[zone(cat) % 3 == 1]
    likely = greens[np.argsort(-recipients._probabilities(texture_costs(cat).up.reshape(-1)[greens] * 1.0))]
    before = attack(cat, PUBLIC)
    for changed, way, low, high in (
        (stepped(cat, greens[::8], 1, (0,)), "all of the zone", 3, 1000),
        (stepped(cat, likely[:800], 6, (-1, 0, 1)), "likely pixels", 3, 1000),
        (stepped(cat, likely[:200], 1, (-1, 0, 1)), "likely pixels", -0.5, 0.5),
    ):
        assert frame_salt(changed) == frame_salt(cat)
        assert low < attack(changed, PUBLIC)[way] - before[way] < high


@pytest.mark.slow
def test_the_table(tmp_path, cat):
    for number in range(3):
        Image.fromarray(np.rot90(cat, number)).save(tmp_path / f"{number}.jpg", quality=95)
    main(tmp_path, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    assert len(table) == 8 and set(table["pictures"]) == {3}
    assert table["auc"].between(0, 1).all()
