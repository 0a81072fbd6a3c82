"""What hiding and revealing give their caller: files and reports.

`output` writes pictures and films, and has the report; `figures` are of a hiding; `naming` makes the names of hidden
files harmless, `conversion` gives results the format of their suffix.
"""

from stegnet.results.output import OutputTarget, Report

__all__ = ["OutputTarget", "Report"]
