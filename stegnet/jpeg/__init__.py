"""JPEG: its parser and coder, JPEGs as covers, and their coefficients as a medium."""
