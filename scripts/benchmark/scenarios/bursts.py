"""Datagrams in bursts: callers who send 32 by one sendmsg(2) with UDP_SEGMENT, and wait until all are back.

The one scenario with a client of its own, in Python, since `swb load` sends datagrams one by one.
"""
import os
import selectors
import socket
import struct
import time

from .. import usage
from ..failed import Failed
from ..program import CLIENT_CORE
from ..rounds import Row
from ..scenario import Scenario, started
from ..servers import playing
from ..sockets import free_port
from ..table import Figure, Ratio, micros, rate

# Whose `cat` keeps datagrams neither apart nor in order when so many come at once.
NOT_THESE = ("socat", "ncat")

CALLERS, BURST = 2, 32
SIZES = (64, 512, 1400)
ANSWERED_WITHIN_S = 1
SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104


class Caller:
    """One socket, with one burst on its way."""

    def __init__(self, port, burst, size):
        self.burst, self.got = burst, b""
        self.beside = [(SOL_UDP, UDP_SEGMENT, struct.pack("H", size))]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(SOL_UDP, UDP_GRO, 1)
        self.socket.setblocking(False)
        self.socket.connect(("127.0.0.1", port))

    def send(self):
        self.got = b""
        self.socket.sendmsg([self.burst], self.beside)

    def has_all(self):
        """Receives what there is; whether the burst is back."""
        while len(self.got) < len(self.burst):
            try:
                self.got += self.socket.recv(65536)
            except BlockingIOError:
                return False
            except ConnectionRefusedError:
                raise Failed("nobody is at the port any more") from None
        if self.got != self.burst:
            raise Failed("other bytes came back")
        return True


def measure(options, server, size):
    port = free_port("udp")
    with started(options, server, "udp", port) as running:
        return exchange(running, port, size, options.seconds)


def exchange(server, port, size, seconds):
    """Datagrams that came back a second, and the server's CPU seconds for each."""
    burst = b"".join(bytes([number]) * size for number in range(BURST))
    os.sched_setaffinity(0, {CLIENT_CORE})
    callers = [Caller(port, burst, size) for _ in range(CALLERS)]
    try:
        with selectors.EpollSelector() as ready:
            for caller in callers:
                ready.register(caller.socket, selectors.EVENT_READ, caller)
                caller.send()
            done, before, start = 0, usage.cpu_seconds(server.pid), time.monotonic()
            while time.monotonic() < start + seconds:
                heard = ready.select(ANSWERED_WITHIN_S)
                if not heard:
                    raise Failed("a datagram was lost")
                for caller in (key.data for key, _ in heard):
                    if caller.has_all():
                        done += BURST
                        caller.send()
            took, cpu = time.monotonic() - start, usage.cpu_seconds(server.pid) - before
    finally:
        for caller in callers:
            caller.socket.close()
    if not done:
        raise Failed("no burst came back in the time")
    return {"rate": done / took, "cpu": cpu / done}


def rows(options):
    return [
        Row(f"{size:,}, {server.name}", f"{size:,}, swb", lambda s=server, n=size: measure(options, s, n))
        for size in SIZES
        for server in playing("udp", options.only)
        if server.name not in NOT_THESE
    ]


BURSTS = Scenario(
    "bursts",
    f"UDP echo, {CALLERS} callers, bursts of {BURST} datagrams",
    "2 UDP callers, each with a burst (UDP_SEGMENT) of 32 datagrams on its way",
    [
        Figure("median", "rate", rate("/s")),
        Ratio("`swb` does, times", "rate", inverse=True),
        Figure("server CPU each", "cpu", micros),
        Ratio("of `swb`'s CPU", "cpu"),
    ],
    rows,
    first="bytes a datagram, server",
)
