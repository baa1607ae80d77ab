"""Where providers send their events."""
