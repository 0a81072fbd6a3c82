"""Data preparation: from picture sources to shards, and from shards to training pairs."""
