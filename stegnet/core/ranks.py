"""Which of the processes that train together this one is, by the variables that torchrun and launch.py set."""

import os


def is_launched() -> bool:
    """Whether this process was started as one of several."""
    return "LOCAL_RANK" in os.environ


def rank() -> int:
    """The number of this process; 0 leads."""
    return int(os.environ["RANK"]) if is_launched() else 0


def world_size() -> int:
    """How many processes there are, on all machines."""
    return int(os.environ["WORLD_SIZE"]) if is_launched() else 1


def local_world_size() -> int:
    """How many processes there are on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if is_launched() else 1
