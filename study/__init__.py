"""The study: attacks on stegnet and long measurements, each a stage of study/dvc.yaml: python -m study.<stage>."""

from stegnet.core.process_settings import set_up_process

set_up_process()
