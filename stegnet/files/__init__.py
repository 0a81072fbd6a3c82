"""From file to file: what the command line, the page, the API and the cluster call.

`finding` finds what is hidden, whatever the method, in files and albums; `reveal` writes it, `info` describes it;
`folder` hides and reveals in folders, which `listing` lists; `album` hides one file in all pictures of a folder. Hiding
in a single cover is a method's own: `stegnet.methods`.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    album="AlbumPlan make_album plan_album",
    finding="album_in find open_hidden",
    folder="Job Outcome FolderPlan hide_each is_folder plan_hiding plan_revealing results_folder reveal_each",
    info="Info Value file_info fit_info",
    reveal="reveal_file write_hidden",
)
