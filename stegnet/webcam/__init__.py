"""`stegnet webcam`: capture, live hiding and revealing, a web page to watch, and a recording."""
