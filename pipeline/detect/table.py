"""The columns of detect.csv, apart from what computes them: a stage that is off writes them, too."""

COLUMNS = ("method", "rate", "pictures", "pairs", "tested", "accuracy", "low", "high", "finding")
