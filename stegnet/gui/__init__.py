"""`stegnet gui`: the browser's page with this program behind it, served on the loopback address."""
