"""Where the measured servers are: known to settings, so nothing here needs any."""

import socket

HOST = "127.0.0.1"
# dj-stripe's, in the cluster that the portal's own is in: with a pool like ours, and as Django comes.
PEER_DATABASE, PLAIN_PEER_DATABASE = "peer", "plain_peer"


def free_port() -> int:
    """One that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
