"""Channels: what happens to containers on their way, by a name that is promised, or as learned from examples.

`channel_types` is the interface of all. `channel_names` reads names of `channel_table` or opens a channel's file, and
`destinations` are the channels in a user's words. `picture_channels` simulates what arrives; `film_channels` says how
films are encoded again.

`known_channel` is what is known of an app or site, as a file; `learning` finds it from pictures that were sent and what
arrived. `size_rules` says to which size an app reduces a picture; `jpeg_form` and `jpeg_headers` are how a program
writes JPEGs. `simulation` tells what arrives, also by a command that does what the channel does; `transit` joins both
for hiding.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
