"""Work from file to file, for the command line, the page, the API and the cluster.

`revealing` finds hidden data, whatever the method, and writes or describes it. `folder` lists folders and hides in
their files, `album` hides one file in all pictures of a folder, and `archive` packs a folder into a file. Hiding in a
single cover is the job of a method: `stegnet.methods`.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    album="AlbumPlan album_in make_album plan_album",
    archive="pack",
    folder="FolderPlan Job Outcome hide_each is_file_name is_folder plan_hiding plan_revealing results_folder",
    revealing="Info Value file_info find fit_info open_hidden reveal_each reveal_file write_hidden",
)
