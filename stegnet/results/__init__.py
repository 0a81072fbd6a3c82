"""What hiding and revealing give their caller: files and reports.

`output` writes pictures and films, and has the report; `figures` are of a hiding; `naming` makes the names of hidden
files harmless, `conversion` gives results the format of their suffix.
"""

from stegnet.results.conversion import as_named, text_report
from stegnet.results.figures import BETRAYS, LEAST, NETWORK, POOR, ROBUST, SEALED, Changes, Hiding
from stegnet.results.naming import MOST_TEXT, TEXT_NAME, WATCHABLE_SUFFIX, plain_suffix, printable
from stegnet.results.output import (
    FORMS,
    REVEALED_FORMS,
    FilmFrame,
    OutputTarget,
    Report,
    form_of,
    shown_form,
    write_film,
    write_jpeg,
    write_picture,
    write_revealed,
)

__all__ = [
    "BETRAYS",
    "FORMS",
    "LEAST",
    "MOST_TEXT",
    "NETWORK",
    "POOR",
    "REVEALED_FORMS",
    "ROBUST",
    "SEALED",
    "TEXT_NAME",
    "WATCHABLE_SUFFIX",
    "Changes",
    "FilmFrame",
    "Hiding",
    "OutputTarget",
    "Report",
    "as_named",
    "form_of",
    "plain_suffix",
    "printable",
    "shown_form",
    "text_report",
    "write_film",
    "write_jpeg",
    "write_picture",
    "write_revealed",
]
