"""Quality of a pair of networks, measured on files."""
