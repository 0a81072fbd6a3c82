"""Pictures: reading and writing them, and AVIF."""
