"""The method "robust" for pictures: bits that a modem puts where JPEG keeps them."""
