"""Computing that gives the same bits again."""

import os

import numpy as np
import torch

from stegnet.core.config import AUTO, Auto
from stegnet.core.parallel import physical_cores
from stegnet.core.ranks import local_world_size


def cpu_threads(asked: int | Auto) -> int:
    """CPU threads of this process; "auto": its share of the physical cores."""
    return max(1, physical_cores() // local_world_size()) if asked == AUTO else asked


def make_deterministic(seed: int, threads: int | Auto) -> None:
    """Same seed, machine and software: same bits. The thread count decides the order of sums."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with a fixed workspace
    torch.manual_seed(seed)
    torch.set_num_threads(cpu_threads(threads))
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time, and no kernel here reads such memory
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False


def seed_step(seed: int, step: int, rank: int) -> None:
    """What a network draws by itself, for dropout say, follows from these three; so a training resumes anywhere."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0]))
