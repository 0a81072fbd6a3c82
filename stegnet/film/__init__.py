"""The frames of a film that is written without loss, as a medium."""
