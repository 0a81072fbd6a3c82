"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .album import AlbumPlan as AlbumPlan, album_in as album_in, make_album as make_album, plan_album as plan_album
from .archive import pack as pack
from .folder import (
    FolderPlan as FolderPlan,
    Job as Job,
    Outcome as Outcome,
    Outcomes as Outcomes,
    hide_each as hide_each,
    is_folder as is_folder,
    is_media_file_name as is_media_file_name,
    plan_hiding as plan_hiding,
    plan_revealing as plan_revealing,
    results_folder as results_folder,
)
from .revealing import (
    Info as Info,
    file_info as file_info,
    find as find,
    fit_info as fit_info,
    open_hidden as open_hidden,
    reveal_each as reveal_each,
    reveal_file as reveal_file,
    write_hidden as write_hidden,
)
