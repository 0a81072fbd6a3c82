"""From sources of pictures to shards, and from shards to training pairs."""
