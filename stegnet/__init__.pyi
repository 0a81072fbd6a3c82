"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .api import (
    Revealed as Revealed,
    Session as Session,
    capacity as capacity,
    hide as hide,
    hide_album as hide_album,
    info as info,
    reveal as reveal,
)
from .channels import learn_channel as learn_channel, read_channel as read_channel
from .core.errors import (
    CapacityError as CapacityError,
    ConfigError as ConfigError,
    DiskError as DiskError,
    KeyFileError as KeyFileError,
    MediaError as MediaError,
    PackageError as PackageError,
    RevealError as RevealError,
    StegnetError as StegnetError,
    WeightsError as WeightsError,
)
from .hiding import Fit as Fit
from .keys import (
    Identity as Identity,
    Key as Key,
    Passphrase as Passphrase,
    Recipient as Recipient,
    make_identity_file as make_identity_file,
    make_key_file as make_key_file,
    read_identity as read_identity,
    read_key as read_key,
    read_recipient as read_recipient,
)
from .methods.sealed import hide_bytes as hide_bytes, reveal_bytes as reveal_bytes
from .pixels.medium import bytes_capacity as bytes_capacity
from .results import Report as Report

__version__: str
