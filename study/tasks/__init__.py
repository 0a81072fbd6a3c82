"""What networks learn that are parts of the product, beside the pair: a modem."""
