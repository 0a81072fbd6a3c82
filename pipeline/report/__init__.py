"""The report: one self-contained HTML page, built from the outputs of the stages."""
