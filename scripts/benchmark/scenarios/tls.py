"""A relay that terminates TLS, before a server in the clear that is the same for all.

All have one certificate, and the one cipher and group that the client speaks: bench/clients/tls_client.c, which is of
OpenSSL's make, as the peers are. Counted is the relay's CPU time.
"""
import json
import subprocess
import time

from .. import certificate, references
from ..failed import Failed
from ..load import at
from ..program import CLIENT_CORE, Program
from ..scenario import Scenario, compared, compared_in, relayed
from ..table import Figure, Ratio, micros, percent, rate
from .echo import columns

WARM_UP_S = 0.3

# How many callers the client has in each of its modes, and whom they reach behind the relay.
MODES = {
    "echo": (50, "serve echo {behind}"),
    "calls": (16, "serve echo {behind}"),
    "resumed": (16, "serve echo {behind}"),
    "up": (1, "serve discard {behind}"),
    "down": (1, "relay {behind} file:/dev/zero"),
}


def measure(options, relay, port, mode):
    """What the client has done a second, and the relay's CPU seconds for each."""
    client = references.built(references.TLS_CLIENT)
    certificate.made(options)
    calls, line = MODES[mode]
    with relayed(options, relay, "tls", port, line) as running:
        words = [client, mode, port, calls, f"{WARM_UP_S * 1e3:.0f}", f"{options.seconds * 1e3:.0f}"]
        with Program([str(word) for word in words], CLIENT_CORE, stdout=subprocess.PIPE) as calling:
            start = time.monotonic()
            before = at(running, start + WARM_UP_S)
            after = at(running, start + WARM_UP_S + options.seconds)
            told = calling.process.stdout.read()
            calling.process.wait()
            if not told:
                raise Failed(f"tls-client: {calling.last_words()}")
    return figures(json.loads(told), before, after)


def figures(told, before, after):
    busy = (after[0] - before[0]) / (after[1] - before[1])
    if not told["rate"]:
        raise Failed("nothing was done in the time")
    return {"rate": told["rate"], "cpu": busy / told["rate"], "server": busy, "client": told["busy"]}


BULK = [
    Figure("median", "rate", lambda value: rate("MB/s")(value / 1e6)),
    Ratio("`swb` does, times", "rate", inverse=True),
    Figure("relay's CPU a GB", "cpu", lambda seconds: f"{seconds * 1e9:.3f} s"),
    Ratio("of `swb`'s CPU", "cpu"),
    Figure("relay busy", "server", percent),
]

CALLS = [
    Figure("median", "rate", rate("calls/s")),
    Ratio("`swb` does, times", "rate", inverse=True),
    Figure("relay's CPU each", "cpu", micros),
    Ratio("of `swb`'s CPU", "cpu"),
    Figure("relay busy", "server", percent),
    Figure("client busy", "client", percent),
]

ALL = [
    Scenario(
        "tls",
        "TLS terminated, 50 connections x 64 B echo behind it",
        "50 callers echo 64 bytes through a relay that terminates TLS",
        columns("/s"),
        compared("tls", lambda options, relay, port: measure(options, relay, port, "echo")),
        first="relay",
    ),
    Scenario(
        "tls-calls",
        "TLS terminated: handshake, one echo, close; 16 at a time",
        "a handshake over TLS for each message, 16 at a time: full, and resumed",
        CALLS,
        compared_in("tls", {"calls": "full", "resumed": "resumed"}, measure),
        first="handshake, relay",
    ),
    Scenario(
        "tls-bulk",
        "TLS terminated, one stream in bulk",
        "one stream up and one down through a relay that terminates TLS: MB/s, and the relay's CPU seconds a GB",
        BULK,
        compared_in("tls", {"up": "up", "down": "down"}, measure),
        first="direction, relay",
    ),
]
