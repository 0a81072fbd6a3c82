"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .api import Revealed as Revealed
from .api import Session as Session
from .api import capacity as capacity
from .api import hide as hide
from .api import hide_album as hide_album
from .api import info as info
from .api import reveal as reveal
from .channels import learn_channel as learn_channel
from .channels import read_channel as read_channel
from .core.errors import CapacityError as CapacityError
from .core.errors import ConfigError as ConfigError
from .core.errors import DiskError as DiskError
from .core.errors import KeyFileError as KeyFileError
from .core.errors import MediaError as MediaError
from .core.errors import PackageError as PackageError
from .core.errors import RevealError as RevealError
from .core.errors import StegnetError as StegnetError
from .core.errors import WeightsError as WeightsError
from .keys import Identity as Identity
from .keys import Key as Key
from .keys import Passphrase as Passphrase
from .keys import Recipient as Recipient
from .keys import make_identity_file as make_identity_file
from .keys import make_key_file as make_key_file
from .keys import read_identity as read_identity
from .keys import read_key as read_key
from .keys import read_recipient as read_recipient
from .methods import Fit as Fit
from .methods.pixel_medium import bytes_capacity as bytes_capacity
from .methods.sealed import hide_bytes as hide_bytes
from .methods.sealed import reveal_bytes as reveal_bytes
from .results import Report as Report

__version__: str
