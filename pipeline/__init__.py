"""The stages of dvc.yaml, each a thin script: python -m pipeline.<stage>."""

import gc

from stegnet.core import parallel  # before PyTorch, whose threads wait as it says

__all__ = [
    "parallel",
]

# Stages import thousands of modules, which create no garbage. Looking for it as often as Python does by default, after
# every 700 new objects, takes a fifth of that time.
gc.set_threshold(10_000)
