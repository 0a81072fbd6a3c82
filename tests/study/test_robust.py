import math

import numpy as np
import pandas as pd
import pytest

from stegnet.core.jpeg import through_jpeg
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION, SECRET_PSNR
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.grid import own_grid
from study import robust
from study.robust import MODEM, QIM, TWICE, carried_bits, headline, send, summarise_bits, summarise_messages
from tests.support.modem import RUNGS, index_modem


@pytest.fixture(scope="module")
def rows(cat: np.ndarray) -> pd.DataFrame:
    modems = {MODEM: index_modem(), QIM: index_modem()}
    pairs = [(cat[:128, :128], cat[128:, 128:]), (cat[128:, :128], cat[:128, 128:])]
    return pd.DataFrame([row for item in enumerate(pairs) for row in carried_bits(modems, 0, item)])


def test_less_comes_back_the_lower_the_quality(rows: pd.DataFrame) -> None:
    means = summarise_bits(rows)
    assert len(means) == 2 * len(RUNGS) * len(robust.QUALITIES)
    for (_, rung), group in means.groupby(["method", "rung"]):
        carried = group.set_index("quality")[INFORMATION]
        bits = next(each.bits for each in RUNGS if each.name == rung)
        assert 0 <= carried[40] < carried[80] < carried[98] <= bits / 64
        assert (group[f"{INFORMATION}_low"] <= group[INFORMATION]).all()


def test_what_comes_back_is_what_was_sent(cat: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = send(index_modem(), 1, (1, (cat, cat), "jpeg:85", 38.0))
    ways = robust.unforeseen(parse_channel("jpeg:85"))
    assert not row["refused"]
    assert 0 < row["bits"] < 1
    assert all(row[name] for name in ways)
    assert row[SECRET_PSNR] > 15
    # A channel that leaves nothing, and a promise that no rung keeps.
    monkeypatch.setattr(robust, "unforeseen", lambda channel: {"noise": np.zeros_like})
    (row,) = send(index_modem(), 1, (1, (cat, cat), "jpeg:85", 38.0))
    assert row["noise"] is False
    (row,) = send(index_modem(), 1, (1, (np.zeros_like(cat[:16, :16]), cat), "jpeg:85", 38.0))
    assert row["refused"]


def test_unforeseen_channels_are_within_the_promise_and_not_simulated(cat: np.ndarray) -> None:
    channel = parse_channel("jpeg:75")
    simulated = [picture for picture, _ in channel.received(cat, own_grid(*cat.shape[:2]), None)]
    worst = np.square(through_jpeg(cat, 75).astype(float) - cat).mean()
    for name, distort in robust.unforeseen(channel).items():
        picture = distort(cat)
        assert picture.shape == cat.shape
        assert np.square(picture.astype(float) - cat).mean() <= 1.01 * worst, name
        assert not any(np.array_equal(picture, other) for other in simulated), name


def messages() -> pd.DataFrame:
    ways = robust.unforeseen(parse_channel("jpeg:75"))
    whole = dict.fromkeys(ways, True)
    common = {"size": robust.SMALL, "promise": "jpeg:75", "wanted": 38.0, CONTAINER_PSNR: 38.1, TWICE: False}
    common |= {"container_ssim": 0.95, "container_vmaf": 91.0, "rung": "jpeg-75"}
    rows = [common | {"picture": each, "refused": False, "bits": 0.2 + each / 10} | whole for each in range(2)]
    rows[0] |= {SECRET_PSNR: 28.0, "secret_ssim": 0.8}
    rows[1] |= {next(iter(ways)): False, SECRET_PSNR: math.nan, "secret_ssim": math.nan}
    refused = {"size": robust.SMALL, "promise": "jpeg:75", "wanted": 38.0, "picture": 2, "refused": True}
    return pd.DataFrame([*rows, refused])


def ideal() -> pd.DataFrame:
    """Information at qualities of which one is the promised."""
    rows = [(MODEM, "jpeg-75", 75, 0.31), (QIM, "jpeg-75", 75, 0.27), (MODEM, "jpeg-75", 80, 0.9), (QIM, "a", 75, 0.8)]
    return pd.DataFrame(rows, columns=["method", "rung", "quality", INFORMATION])


def test_messages_are_counted() -> None:
    (row,) = summarise_messages(messages(), ideal()).to_dict("records")
    assert (row["ideal_modem"], row["ideal_QIM"]) == (0.31, 0.27)
    assert row["container_vmaf"] == 91
    assert (row["containers"], row["refused"], row["messages"]) == (2, 1, 14)
    assert row["bits"] == pytest.approx(0.25)
    assert row["whole"] == pytest.approx(13 / 14)
    assert row["whole_low"] < row["whole"] < row["whole_high"]
    assert row[SECRET_PSNR] == 28
    assert row[TWICE] == 0
    figures = headline(summarise_messages(messages(), ideal()))
    assert figures["robust_jpeg_75_38db_bits"] == 0.25
    assert figures["robust_jpeg_75_38db_whole"] == round(13 / 14, 5)
