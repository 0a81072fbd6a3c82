"""Names for type checkers: those that `__init__.py` imports when they are first used."""

from stegnet.api import Revealed as Revealed
from stegnet.api import Session as Session
from stegnet.api import capacity as capacity
from stegnet.api import hide as hide
from stegnet.api import hide_album as hide_album
from stegnet.api import info as info
from stegnet.api import reveal as reveal
from stegnet.core.errors import CapacityError as CapacityError
from stegnet.core.errors import ClusterError as ClusterError
from stegnet.core.errors import ConfigError as ConfigError
from stegnet.core.errors import DataError as DataError
from stegnet.core.errors import DiskError as DiskError
from stegnet.core.errors import KeyFileError as KeyFileError
from stegnet.core.errors import MediaError as MediaError
from stegnet.core.errors import PackageError as PackageError
from stegnet.core.errors import RevealError as RevealError
from stegnet.core.errors import StegnetError as StegnetError
from stegnet.core.errors import TrackingError as TrackingError
from stegnet.core.errors import TrainingError as TrainingError
from stegnet.core.errors import WeightsError as WeightsError
from stegnet.keys import Identity as Identity
from stegnet.keys import Key as Key
from stegnet.keys import Passphrase as Passphrase
from stegnet.keys import Recipient as Recipient
from stegnet.keys import make_identity_file as make_identity_file
from stegnet.keys import make_key_file as make_key_file
from stegnet.keys import read_identity as read_identity
from stegnet.keys import read_key as read_key
from stegnet.keys import read_recipient as read_recipient
from stegnet.methods import Fit as Fit
from stegnet.results import Report as Report

__version__: str
__all__: list[str]
