"""The study: attacks on stegnet and long measurements, each a stage of study/dvc.yaml: python -m study.<stage>."""
