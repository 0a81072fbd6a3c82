"""Pictures, films and sounds as covers: JPEGs made of them, compression traces, compressed copies, denoising."""
