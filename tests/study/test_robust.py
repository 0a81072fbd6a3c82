import numpy as np
import pytest

from stegnet.core.measures import SECRET_PSNR
from stegnet.methods.robust.channels import parse_channel
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
