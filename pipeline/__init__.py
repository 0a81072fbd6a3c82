"""The stages of dvc.yaml, each a thin script: python -m pipeline.<stage>."""

import gc

from stegnet.core.process_settings import set_up_process

set_up_process()  # before PyTorch is imported
# Stages import thousands of modules, which create no garbage. Looking for it as often as Python does by default, after
# every 700 new objects, takes a fifth of that time.
gc.set_threshold(10_000)
