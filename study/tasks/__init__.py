"""Training of the network that is part of the product beside the pair: the modem."""
