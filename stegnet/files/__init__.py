"""From file to file: what the command line, the page, the API and the cluster call.

`reveal` finds what is hidden, whatever the method; `info` describes files; `folder` hides and reveals in folders, which
`listing` lists. Hiding is a method's own: `stegnet.methods`.
"""

from stegnet.files.folder import (
    Job,
    Outcome,
    Plan,
    hide_each,
    is_folder,
    plan_hiding,
    plan_revealing,
    results_folder,
    reveal_each,
)
from stegnet.files.info import Info, Value, file_info, fit_info, fits_in
from stegnet.files.reveal import find, reveal_file, write_hidden

__all__ = [
    "Info",
    "Job",
    "Outcome",
    "Plan",
    "Value",
    "file_info",
    "find",
    "fit_info",
    "fits_in",
    "hide_each",
    "is_folder",
    "plan_hiding",
    "plan_revealing",
    "results_folder",
    "reveal_each",
    "reveal_file",
    "write_hidden",
]
