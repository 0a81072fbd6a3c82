import numpy as np
import pytest

from stegnet.core.jpeg import through_jpeg
from stegnet.core.measures import SECRET_PSNR
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.grid import own_grid
from study import robust
from study.robust import send
from tests.support.modem import index_modem


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
