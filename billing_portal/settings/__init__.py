"""Settings: `base` for everything that runs, `test` for pytest."""
