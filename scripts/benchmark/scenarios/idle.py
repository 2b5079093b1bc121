"""The memory of a server's processes for callers who are connected and silent; the kernel's own is not in it."""
from .. import sockets, usage
from ..program import CLIENT_CORE, Program
from ..rounds import Row
from ..scenario import Scenario, started
from ..servers import playing
from ..table import Figure, Ratio, rate

CALLERS = (4000, 10000)
ACCEPTED_WITHIN_S = 20

# Servers with a process for each caller are asked for the smaller number only.
FORKING = ("socat", "ncat", "tcpserver")


def memory(options, server, callers):
    port = sockets.free_port()
    with started(options, server, "tcp", port) as running:
        before = usage.memory_kib(running.pid)
        words = [str(options.swb), "load", "--idle", "--calls", str(callers), "--duration", "120s"]
        with Program([*words, f"tcp://127.0.0.1:{port}"], CLIENT_CORE):
            what = f"not all of {callers:,} callers were accepted"
            running.wait_until(lambda: sockets.accepted(port) == callers, what, ACCEPTED_WITHIN_S)
            return {"kib": (usage.memory_kib(running.pid) - before) / callers}


def rows(options):
    return [
        Row(f"{server.name}, {callers:,}", f"swb, {callers:,}", lambda s=server, c=callers: memory(options, s, c))
        for callers in CALLERS
        for server in playing("tcp", options.only)
        if callers == CALLERS[0] or server.name not in FORKING
    ]


IDLE = Scenario(
    "idle",
    "Memory per idle caller",
    "memory of the server's own (PSS) for a silent caller, 4,000 and 10,000 of them open; 3 rounds at most",
    [Figure("each", "kib", rate("KiB")), Ratio("of `swb`'s", "kib")],
    rows,
    first="server, callers",
    bounded_by="",
    rounds_max=3,
)
