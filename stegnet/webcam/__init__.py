"""Hiding in a live camera: capture, hide and reveal the newest frame, show it in a page, record it."""
