"""What a same-machine socket saves: ten callers echo over TCP loopback and over Unix sockets."""
import itertools
import os

from .. import sockets
from ..load import Load, loaded
from ..program import serving
from ..rounds import Row
from ..scenario import Scenario
from ..table import Figure, Ratio, micros, percent, rate

# Each turn has a name of its own: the kernel takes down a ring, and what it held, after its process has ended.
TURNS = itertools.count()

NAMES = ("tcp", "unix", "unix-seqpacket")


def measure(options, transport):
    address = f"{transport}:@swb-bench-{os.getpid()}-{next(TURNS)}"
    if transport == "tcp":
        address = f"tcp://127.0.0.1:{sockets.free_port()}"
    with serving([str(options.swb), "serve", "echo", address], address) as server:
        return loaded(options, server, address, Load(10))


def rows(options):
    return [Row(name, "tcp", lambda name=name: measure(options, name)) for name in NAMES]


TRANSPORTS = Scenario(
    "transports",
    "What a same-machine socket saves",
    "10 callers echo 64 bytes over TCP loopback, unix and unix-seqpacket; `swb` alone",
    [
        Figure("median", "rate", rate("/s")),
        Ratio("of TCP's", "rate"),
        Figure("server CPU each", "cpu", micros),
        Ratio("of TCP's CPU", "cpu"),
        Figure("server busy", "server", percent),
        Figure("client busy", "client", percent),
    ],
    rows,
    first="transport",
)
