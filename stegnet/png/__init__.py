"""PNG: its chunks and rows, and how one is written like its cover."""
