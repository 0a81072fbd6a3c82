"""From file to file: what the command line, the page, the API and the cluster call.

`reveal` finds what is hidden, whatever the method; `info` describes files; `folder` hides and reveals in folders, which
`listing` lists. Hiding is a method's own: `stegnet.methods`.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    folder="Job Outcome FolderPlan hide_each is_folder plan_hiding plan_revealing results_folder reveal_each",
    info="Info Value file_info fit_info fits_in",
    reveal="find reveal_file write_hidden",
)
