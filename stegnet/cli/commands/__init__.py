"""The subcommands of `stegnet`, one a module."""
