"""Pages for people: log in, choose a tenant, appearance."""
