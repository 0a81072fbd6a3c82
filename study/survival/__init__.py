"""What a secret survives on its way."""
