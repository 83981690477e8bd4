"""Ports for the servers of tests."""

import random
import socket

# Below those that a system gives to whoever asks for any: between the end of the probe and the
# start of the server, a test in another process may ask for one. Drawn, for it may probe, too.
PLACES = range(10_000, 32_000)


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    while True:
        port = random.SystemRandom().choice(PLACES)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # it is taken
                continue
        return port
