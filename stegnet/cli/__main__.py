"""`python -m stegnet.cli`."""

from stegnet.cli import run

run()
