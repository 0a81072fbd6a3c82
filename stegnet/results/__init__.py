"""Results of hiding and revealing: files and reports.

`output` writes and verifies pictures and films, gives results the format of their suffix and harmless names, and
defines the report. `figures` measures a hiding.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    figures="BETRAYS COVER_FORMAT Changes HidingFigures LEAST POOR SLIGHTLY SecurePayload WAYS_OUT "
    "betrayed_by not_safe shown_history",
    output="CHANGED_SECRET FORMS FilmFrame OutputTarget REVEALED_FORMS Report WATCHABLE_SUFFIX as_named "
    "check_picture check_same form_of plain_suffix shown_form stored_name text_report write_film write_revealed",
)
