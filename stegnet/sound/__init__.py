"""WAV and FLAC: parser and coder, sounds as covers, and their samples as a medium."""
