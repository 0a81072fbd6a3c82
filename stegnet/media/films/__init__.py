"""Films: reading and writing them, their sound, subtitles and time stamps."""
