"""Folders of films and pictures over many machines, by Ray (docs/cluster.md).

`cluster` distributes the files and collects what comes of them, `envelope` encrypts the keys for its processes.
"""
