"""The method "network": a picture in a picture, or a film with its sound in a film, by neural networks."""

from stegnet.methods.network.film import HideOptions, hide_film
from stegnet.methods.network.network import Network
from stegnet.methods.network.picture import Revealed, hide_picture, reveal_picture
from stegnet.methods.network.reveal import reveal_film

__all__ = ["HideOptions", "Network", "Revealed", "hide_film", "hide_picture", "reveal_film", "reveal_picture"]
