"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .keyfiles import (
    make_identity_file as make_identity_file,
    make_key_file as make_key_file,
    passphrase_in as passphrase_in,
    read_identity as read_identity,
    read_key as read_key,
    read_recipient as read_recipient,
    shown_text as shown_text,
    write_new as write_new,
)
from .keytext import (
    KEY_BYTES as KEY_BYTES,
)
from .sources import (
    ANY_KEY as ANY_KEY,
    EPHEMERAL_TRITS as EPHEMERAL_TRITS,
    FILM_ID_BYTES as FILM_ID_BYTES,
    PUBLIC_DEMONSTRATION_KEY as PUBLIC_DEMONSTRATION_KEY,
    SALT_BYTES as SALT_BYTES,
    SECRET_BYTES as SECRET_BYTES,
    SYSTEM as SYSTEM,
    ContainerKeys as ContainerKeys,
    Identity as Identity,
    Key as Key,
    KeyRing as KeyRing,
    KeySource as KeySource,
    Opener as Opener,
    Passphrase as Passphrase,
    Randomness as Randomness,
    Recipient as Recipient,
    Unpicklable as Unpicklable,
    export_secret as export_secret,
    guessing_time as guessing_time,
    guessing_years as guessing_years,
    import_secret as import_secret,
    random_words as random_words,
    seeded as seeded,
)
