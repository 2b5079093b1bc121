"""What a scenario is: rows that are measured in turn, and the columns of their table."""
from typing import Callable, NamedTuple

from . import servers
from .program import serving
from .rounds import Row
from .sockets import free_port


class Scenario(NamedTuple):
    name: str
    title: str
    does: str  # for the help
    columns: list
    rows: Callable  # of the options
    first: str = "server"
    bounded_by: str = "seconds"  # the option that says how long a turn is
    rounds_max: int = 1000


def compared(part, measure):
    """Rows of the servers that can play a part, `swb` the base; `measure(options, server, port)` gives the figures."""

    def rows(options):
        def row(server):
            return Row(server.name, "swb", lambda: measure(options, server, free_port()))

        return [row(server) for server in servers.playing(part, options.only)]

    return rows


def started(options, server, part, port, target=0):
    """The server in its part, once it listens at that port."""
    words = servers.command(options, server, part, port, target)
    return serving(words, f"{'udp' if part == 'udp' else 'tcp'}://127.0.0.1:{port}")
