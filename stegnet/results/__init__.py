"""Results of hiding and revealing: files and reports.

`output` writes and verifies pictures and films, gives results the format of their suffix and harmless names, and
defines the report. `figures` measures a hiding.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
