"""The two demonstration films, painted and composed by program: python -m tools.films assets."""
