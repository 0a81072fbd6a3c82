"""Hiding and revealing: keys, sealed bits, and the methods that use them.

Layers, each using only those before it:

- bytes: `keys` and `recipients`, which `keyfiles` reads and writes as `keytext`; `record`, what a frame must carry
  exactly; `sound`; `seal`, which puts bytes into samples;
- arrays: `network` and `frame`; `picture` hides and reveals by the network, `hide_bytes` and `reveal_bytes` (in `embed`
  and `extract`) without it; `spread` gives each frame of a film a share of a file, by the code in `erasure`;
- bits that survive JPEG: `fec` corrects errors; `modem` runs the networks; `robust` has keys, places and records,
  `regions` what salts are made of, `grid` the sizes at which they are hidden, `registration` where they are in cropped
  pictures, `robust_reader` finds them, `robust_content` is what is in them; `channels`
  simulates what may happen to them, `survival` hides what comes back; `robust_files` hides in files;
- files: `film` hides films, `reveal` reveals them; `embed` and `extract` do so with any file; `container` is an open
  container, `diagnosis` its damage, `info` its description; `listing` lists folders; `files` and `folder` are
  what the command line calls.

A new way to hide is a module beside `picture` with two functions on arrays: hide (cover, secret, key → container) and
reveal (container, key → secret). `record` gets a kind for it; `files.hide_file` and `files.reveal_opened` dispatch.
"""

from stegnet.codec.container import Container
from stegnet.codec.embed import bytes_room, embed_file, hide_bytes
from stegnet.codec.extract import extract_file, reveal_bytes
from stegnet.codec.files import hide_file, reveal_file
from stegnet.codec.film import HideOptions, hide_film
from stegnet.codec.keyfiles import make_identity_file, make_key_file, read_identity, read_key, read_recipient
from stegnet.codec.keys import Key, KeySource, Passphrase, Randomness
from stegnet.codec.network import Network
from stegnet.codec.output import OutputTarget, Report
from stegnet.codec.picture import Revealed, hide_picture, reveal_picture
from stegnet.codec.recipients import Identity, Recipient
from stegnet.codec.reveal import reveal_film

__all__ = [
    "Container",
    "HideOptions",
    "Identity",
    "Key",
    "KeySource",
    "Network",
    "OutputTarget",
    "Passphrase",
    "Randomness",
    "Recipient",
    "Report",
    "Revealed",
    "bytes_room",
    "embed_file",
    "extract_file",
    "hide_bytes",
    "hide_file",
    "hide_film",
    "hide_picture",
    "make_identity_file",
    "make_key_file",
    "read_identity",
    "read_key",
    "read_recipient",
    "reveal_bytes",
    "reveal_file",
    "reveal_film",
    "reveal_picture",
]
