"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .card import (
    MODEM as MODEM,
)
from .card import (
    NETWORKS as NETWORKS,
)
from .card import (
    SHIPPED as SHIPPED,
)
from .card import (
    SHIPPED_MODEM as SHIPPED_MODEM,
)
from .card import (
    Card as Card,
)
from .card import (
    read_card as read_card,
)
from .card import (
    weights_id as weights_id,
)
from .engines import (
    Engine as Engine,
)
from .engines import (
    Pool as Pool,
)
from .engines import (
    load_engine as load_engine,
)
from .inference import (
    FrameInput as FrameInput,
)
from .inference import (
    HideResult as HideResult,
)
from .inference import (
    Network as Network,
)
from .inference import (
    RevealedPicture as RevealedPicture,
)
from .inference import (
    at_own_size as at_own_size,
)
from .inference import (
    check_frame_capacity as check_frame_capacity,
)
from .inference import (
    hide_frame as hide_frame,
)
from .inference import (
    hide_picture as hide_picture,
)
from .inference import (
    reveal_frame as reveal_frame,
)
from .inference import (
    reveal_picture as reveal_picture,
)
from .pair import (
    Pair as Pair,
)
from .pair import (
    build as build,
)
from .pair import (
    build_from as build_from,
)
from .pair import (
    family_names as family_names,
)
from .pair import (
    load_pair as load_pair,
)
from .pair import (
    options_of as options_of,
)
from .pair import (
    receptive_fields as receptive_fields,
)
from .pair import (
    register as register,
)
from .pair import (
    save_pair as save_pair,
)
from .secret_quality import SecretErrors as SecretErrors
from .secret_quality import SecretQuality as SecretQuality
