"""Log in and out over HTTP, and who one is."""
