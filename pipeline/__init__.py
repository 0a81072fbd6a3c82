"""The stages of dvc.yaml, each a thin script: python -m pipeline.<stage>."""
