"""The subcommands of `stegnet`, one per module."""
