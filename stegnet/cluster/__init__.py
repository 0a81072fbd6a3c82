"""Folders of films and pictures over many machines, by Ray (docs/cluster.md).

`envelope` is what travels encrypted, `tasks` what one process does, `cluster` spreads the tasks and collects what they
give.
"""
