"""The inbox: events of providers are stored once, and handled by whoever is registered for their topic."""
