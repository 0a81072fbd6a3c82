"""Deterministic computing: the same seed, machine and software give the same bits."""

import os

import numpy as np
import torch

from stegnet.core.config import AUTO, Auto
from stegnet.core.parallel import local_world_size, physical_cores


def cpu_threads(threads: int | Auto) -> int:
    """CPU threads of this process; "auto": its share of the physical cores."""
    return max(1, physical_cores() // local_world_size()) if threads == AUTO else threads


def make_deterministic(seed: int, threads: int | Auto) -> None:
    """Seeds PyTorch and makes its kernels deterministic; the number of threads decides the order of sums."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.manual_seed(seed)
    torch.set_num_threads(cpu_threads(threads))
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time, and no kernel here reads such memory
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seeds what a network draws itself, such as dropout, so that a training can resume at any step."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0]))
