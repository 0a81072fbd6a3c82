"""stegnet hides a picture in a picture and a film in a film with neural networks, and brings it back."""

__version__ = "0.1.0"
