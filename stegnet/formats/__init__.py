"""Files, whatever is in them: opened once, and recognised; boxes, Matroska, FFmpeg."""
