"""PNG: its chunks and rows, and the pixels and the opacity of a picture as media."""
