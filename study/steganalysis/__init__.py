"""Whether containers can be told from covers."""
