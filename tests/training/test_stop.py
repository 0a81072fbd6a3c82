import os
import signal
import threading

import pytest

from stegnet.training.stop import StopRequest, TrainingStopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_wish(number):
    with StopRequest() as wish:
        assert wish.signal == 0
        os.kill(os.getpid(), number)
        assert wish.signal == number


def test_the_second_does_what_it_did_before():
    with pytest.raises(KeyboardInterrupt), StopRequest() as wish:
        os.kill(os.getpid(), signal.SIGTERM)
        assert wish.signal == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGINT)


def test_afterwards_all_is_as_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_who_was_made_deaf_stays_deaf():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest() as wish:
            os.kill(os.getpid(), signal.SIGINT)
            assert wish.signal == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nobody_asks():
    seen = []

    def work() -> None:
        with StopRequest() as wish:
            seen.append(wish.signal)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [0]


def test_it_says_how_to_go_on():
    stop = TrainingStopped(3, 9, signal.SIGINT)
    assert (str(stop), stop.code) == ("stopped after 3 of 9 steps; the same command goes on from there", 130)
    assert TrainingStopped(3, 9, 0).code == 143
