"""The training of a hide/reveal pair."""
