"""`python -m stegnet`."""

from stegnet.cli import run

run()
