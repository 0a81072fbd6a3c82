"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .album import AlbumPlan as AlbumPlan
from .album import album_in as album_in
from .album import make_album as make_album
from .album import plan_album as plan_album
from .archive import pack as pack
from .folder import (
    FolderPlan as FolderPlan,
)
from .folder import (
    Job as Job,
)
from .folder import (
    Outcome as Outcome,
)
from .folder import (
    Outcomes as Outcomes,
)
from .folder import (
    hide_each as hide_each,
)
from .folder import (
    is_folder as is_folder,
)
from .folder import (
    is_media_file_name as is_media_file_name,
)
from .folder import (
    plan_hiding as plan_hiding,
)
from .folder import (
    plan_revealing as plan_revealing,
)
from .folder import (
    results_folder as results_folder,
)
from .revealing import (
    Info as Info,
)
from .revealing import (
    file_info as file_info,
)
from .revealing import (
    find as find,
)
from .revealing import (
    fit_info as fit_info,
)
from .revealing import (
    open_hidden as open_hidden,
)
from .revealing import (
    reveal_each as reveal_each,
)
from .revealing import (
    reveal_file as reveal_file,
)
from .revealing import (
    write_hidden as write_hidden,
)
