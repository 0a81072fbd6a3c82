"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .card import (
    MODEM as MODEM,
    NETWORKS as NETWORKS,
    SHIPPED as SHIPPED,
    SHIPPED_MODEM as SHIPPED_MODEM,
    Card as Card,
    read_card as read_card,
    weights_id as weights_id,
)
from .engines import (
    Engine as Engine,
    Pool as Pool,
    load_engine as load_engine,
)
from .frames import (
    FrameInput as FrameInput,
    RevealedPicture as RevealedPicture,
    at_own_size as at_own_size,
    check_frame_capacity as check_frame_capacity,
    hide_frame as hide_frame,
    hide_picture as hide_picture,
    hides_in as hides_in,
    reveal_frame as reveal_frame,
    reveal_picture as reveal_picture,
)
from .inference import HideResult as HideResult, Network as Network
from .pair import (
    Pair as Pair,
    build as build,
    build_from as build_from,
    family_names as family_names,
    load_pair as load_pair,
    options_of as options_of,
    receptive_fields as receptive_fields,
    register as register,
    save_pair as save_pair,
)
from .secret_quality import SecretErrors as SecretErrors, SecretQuality as SecretQuality
