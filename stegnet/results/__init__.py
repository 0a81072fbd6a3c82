"""Results of hiding and revealing: files and reports.

`output` writes pictures and films, and has the report; `figures` are of a hiding; `naming` makes the names of hidden
files harmless, `conversion` gives results the format of their suffix.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    conversion="as_named text_report",
    figures="BETRAYS Changes HidingFigures LEAST POOR SecurePayload WAYS_OUT betrayed_by not_safe",
    naming="MOST_TEXT TEXT_NAME WATCHABLE_SUFFIX plain_suffix printable stored_name",
    output="FORMS FilmFrame OutputTarget REVEALED_FORMS Report form_of shown_form write_film write_revealed",
)
