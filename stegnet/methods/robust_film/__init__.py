"""The method "robust" for films: bits that survive H.264."""
