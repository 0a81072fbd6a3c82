"""Ways to hide: a file each, or a folder, and the list of them in `registry`.

`method` is their contract, `context` what each is given; `hide` hides from file to file, whatever the method. `payload`
makes secrets fit, `new_containers` writes what was hidden in, `found_file` what was found.
"""

from stegnet.core.kinds import FILE, FILM, PICTURE
from stegnet.methods.context import DEFAULT_CONTEXT, Context
from stegnet.methods.hide import HideJob, hide_file, hide_record
from stegnet.methods.method import AUTO, Capacity, CoverSize, Fit, FoundSecret, Method, NewContainer, option
from stegnet.methods.payload import Payload
from stegnet.methods.registry import METHODS, UnknownOption
