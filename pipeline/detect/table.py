"""The columns of detect.csv, separate from their computation, since a stage that is off writes them, too."""

COLUMNS = ("method", "rate", "pictures", "pairs", "tested", "accuracy", "low", "high", "finding")
