"""H.264 in an MP4 that stays one: its levels as a medium."""
