"""Results of hiding and revealing: files and reports.

`output` writes pictures and films, verifies them, and has the report; `figures` are of a hiding; `conversion` makes the
names of hidden files harmless, and gives results the format of their suffix.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    conversion="MOST_TEXT TEXT_NAME WATCHABLE_SUFFIX as_named plain_suffix printable stored_name text_report",
    figures="BETRAYS Changes HidingFigures LEAST POOR SecurePayload WAYS_OUT betrayed_by not_safe",
    output="FORMS FilmFrame OutputTarget REVEALED_FORMS Report check_picture check_same form_of shown_form write_film "
    "write_revealed",
)
