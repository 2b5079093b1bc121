"""What a scenario is: rows that are measured in turn, and the columns of their table."""
from contextlib import contextmanager
from typing import Callable, NamedTuple

from . import servers
from .program import CLIENT_CORE, serving
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


def compared_in(part, modes, measure):
    """The same in each of these modes, which have a name in the table; `measure(options, server, port, mode)`."""

    def rows(options):
        def row(server, mode, name):
            run = lambda: measure(options, server, free_port(), mode)
            return Row(f"{name}, {server.name}", f"{name}, swb", run)

        playing = servers.playing(part, options.only)
        return [row(server, mode, name) for mode, name in modes.items() for server in playing]

    return rows


def started(options, server, part, port, target=0):
    """The server in its part, once it listens at that port."""
    words = servers.command(options, server, part, port, target)
    return serving(words, f"{'udp' if part == 'udp' else 'tcp'}://127.0.0.1:{port}")


@contextmanager
def relayed(options, relay, part, port, line):
    """The relay in its part at that port, before a server that is the same for all: `swb`, on the client's core. `{behind}`
    in its line is where it listens."""
    target = free_port()
    behind = f"tcp://127.0.0.1:{target}"
    with serving([str(options.swb), *line.format(behind=behind).split()], behind, CLIENT_CORE):
        with started(options, relay, part, port, target) as running:
            yield running
