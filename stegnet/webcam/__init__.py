"""`stegnet webcam`: hiding in a live camera picture, a web page to watch, and a recording."""
