"""What a detector of power at the level of rounding finds."""

ROUNDING = 1 / 12  # variance of rounding to integers
HARD_DEFLECTION = 0.358  # d' at an AUC of .6, which is Φ(d'/√2)
