"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .keyfiles import (
    make_identity_file as make_identity_file,
)
from .keyfiles import (
    make_key_file as make_key_file,
)
from .keyfiles import (
    passphrase_in as passphrase_in,
)
from .keyfiles import (
    read_identity as read_identity,
)
from .keyfiles import (
    read_key as read_key,
)
from .keyfiles import (
    read_recipient as read_recipient,
)
from .keyfiles import (
    shown_text as shown_text,
)
from .keyfiles import (
    write_new as write_new,
)
from .keys import (
    ANY_KEY as ANY_KEY,
)
from .keys import (
    EPHEMERAL_TRITS as EPHEMERAL_TRITS,
)
from .keys import (
    FILM_ID_BYTES as FILM_ID_BYTES,
)
from .keys import (
    PUBLIC_DEMONSTRATION_KEY as PUBLIC_DEMONSTRATION_KEY,
)
from .keys import (
    SALT_BYTES as SALT_BYTES,
)
from .keys import (
    SECRET_BYTES as SECRET_BYTES,
)
from .keys import (
    SYSTEM as SYSTEM,
)
from .keys import (
    ContainerKeys as ContainerKeys,
)
from .keys import (
    Identity as Identity,
)
from .keys import (
    Key as Key,
)
from .keys import (
    KeyRing as KeyRing,
)
from .keys import (
    KeySource as KeySource,
)
from .keys import (
    Opener as Opener,
)
from .keys import (
    Passphrase as Passphrase,
)
from .keys import (
    Randomness as Randomness,
)
from .keys import (
    Recipient as Recipient,
)
from .keys import (
    Unpicklable as Unpicklable,
)
from .keys import (
    export_secret as export_secret,
)
from .keys import (
    guessing_time as guessing_time,
)
from .keys import (
    guessing_years as guessing_years,
)
from .keys import (
    import_secret as import_secret,
)
from .keys import (
    random_words as random_words,
)
from .keys import (
    seeded as seeded,
)
from .keytext import (
    KEY_BYTES as KEY_BYTES,
)
