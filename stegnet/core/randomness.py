"""The system's random bytes, by one door, which tests seed."""

from os import urandom


def system_bytes(count: int) -> bytes:
    """Random bytes of the operating system."""
    return urandom(count)
