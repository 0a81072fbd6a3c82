"""Ways to hide, one folder each."""
