"""What waiting costs: ten callers echo while others are open and silent, under each way to wait for sockets.

poll(2) is handed the whole list at every wake-up, epoll(7) and io_uring(7) tell only what is ready.
"""
import contextlib

from .. import sockets
from ..load import Load, loaded
from ..program import CLIENT_CORE, Program, serving
from ..rounds import Row
from ..scenario import Scenario
from ..table import Figure, Ratio, micros, rate

ENGINES = ("epoll", "poll", "uring")
SILENT = (0, 500, 2000, 5000)
ACCEPTED_WITHIN_S = 20


def measure(options, engine, silent):
    port = sockets.free_port()
    address = f"tcp://127.0.0.1:{port}"
    with serving([str(options.swb), "serve", "echo", address, "--engine", engine], address) as server:
        with held(options, server, address, port, silent) if silent else contextlib.nullcontext():
            return loaded(options, server, address, Load(10))


@contextlib.contextmanager
def held(options, server, address, port, silent):
    """Callers who are open and say nothing, while this lasts."""
    words = [str(options.swb), "load", "--idle", "--calls", str(silent), "--duration", "600s", address]
    with Program(words, CLIENT_CORE):
        what = f"not all of {silent:,} callers were accepted"
        server.wait_until(lambda: sockets.accepted(port) == silent, what, ACCEPTED_WITHIN_S)
        yield


def rows(options):
    return [
        Row(f"{silent:,}, {engine}", f"{silent:,}, epoll", lambda e=engine, s=silent: measure(options, e, s))
        for silent in SILENT
        for engine in ENGINES
    ]


CALLERS = Scenario(
    "callers",
    "What waiting costs: poll, epoll and io_uring",
    "10 callers echo while up to 5,000 are open and silent, under poll, epoll and uring; `swb` alone",
    [
        Figure("median", "rate", rate("/s")),
        Ratio("of epoll's", "rate"),
        Figure("server CPU each", "cpu", micros),
        Ratio("of epoll's CPU", "cpu"),
    ],
    rows,
    first="silent callers, engine",
)
