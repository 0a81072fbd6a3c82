"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .figures import (
    COVER_FORMAT as COVER_FORMAT,
)
from .figures import (
    DETECTION_WORDS as DETECTION_WORDS,
)
from .figures import (
    H264_FILM as H264_FILM,
)
from .figures import (
    LEAST as LEAST,
)
from .figures import (
    NONE_HARD as NONE_HARD,
)
from .figures import (
    OR_ALBUM as OR_ALBUM,
)
from .figures import (
    POOR as POOR,
)
from .figures import (
    SLIGHTLY as SLIGHTLY,
)
from .figures import (
    ChangeBound as ChangeBound,
)
from .figures import (
    Changes as Changes,
)
from .figures import (
    Detectability as Detectability,
)
from .figures import (
    Detection as Detection,
)
from .figures import (
    HidingFigures as HidingFigures,
)
from .figures import (
    SecurePayload as SecurePayload,
)
from .figures import (
    betrayed_by as betrayed_by,
)
from .figures import (
    lossy_covers_warning as lossy_covers_warning,
)
from .figures import (
    not_safe as not_safe,
)
from .figures import (
    shown_history as shown_history,
)
from .output import (
    CHANGED_SECRET as CHANGED_SECRET,
)
from .output import (
    NEXT_STEP as NEXT_STEP,
)
from .output import (
    WATCHABLE_SUFFIX as WATCHABLE_SUFFIX,
)
from .output import (
    FilmFrame as FilmFrame,
)
from .output import (
    OutputFolder as OutputFolder,
)
from .output import (
    OutputTarget as OutputTarget,
)
from .output import (
    Report as Report,
)
from .output import (
    as_named as as_named,
)
from .output import (
    film_form_of as film_form_of,
)
from .output import (
    plain_suffix as plain_suffix,
)
from .output import (
    shown_form as shown_form,
)
from .output import (
    stored_name as stored_name,
)
from .output import (
    text_report as text_report,
)
from .output import (
    write_film as write_film,
)
from .output import (
    write_revealed as write_revealed,
)
