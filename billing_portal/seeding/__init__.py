"""The demo's tenants and their history, made through the same actions that people and servers use."""
