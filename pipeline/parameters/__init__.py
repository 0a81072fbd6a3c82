"""The parameters of params.yaml, a module for each section: a stage depends on those that it reads."""
