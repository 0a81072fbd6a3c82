"""The configuration of training and evaluation: `params.yaml` as dataclasses that check themselves."""
