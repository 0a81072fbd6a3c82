"""Files, whatever is in them: opened once, recognised, written whole; boxes, Matroska, FFmpeg."""
