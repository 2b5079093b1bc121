"""One way: bytes from a pipe through a connecting end and a listening end, neither of which does anything else."""
import subprocess
import time

from .. import servers, sockets
from ..failed import Failed
from ..program import CLIENT_CORE, SERVER_CORE, Program
from ..scenario import Scenario, compared
from ..table import Figure, Ratio, rate

# Slower than 20 MB/s is not waited for.
SLOWEST_BYTES_PER_S = 20e6


def measure(options, server, port):
    """MB/s, and CPU seconds a GB of both ends together; who writes into the pipe is not counted."""
    count = int(options.gigabytes * 1e9)
    within = 10 + count / SLOWEST_BYTES_PER_S
    listen = servers.command(options, server, "listen", port)
    connect = servers.command(options, server, "connect", port)
    with Program(listen, SERVER_CORE) as listening:
        address = f"tcp://127.0.0.1:{port}"
        listening.wait_until(lambda: sockets.is_served(address), "it did not listen")
        start = time.monotonic()
        with Program(["head", "-c", str(count), "/dev/zero"], CLIENT_CORE, stdout=subprocess.PIPE) as source:
            with Program(connect, CLIENT_CORE, stdin=source.process.stdout) as connected:
                source.process.stdout.close()
                ends = [connected.end(within), listening.end(within)]
                took = time.monotonic() - start
                if source.process.wait() != 0:
                    raise Failed("the connecting end did not take all")
    statuses = [status for status, _ in ends]
    if statuses != [0, 0]:
        raise Failed(f"the ends ended with {statuses}")
    return {"rate": count / 1e6 / took, "cpu": sum(cpu for _, cpu in ends) / (count / 1e9)}


ONEWAY = Scenario(
    "oneway",
    "One way, from a pipe through connect and listen",
    "bytes from a pipe through connect and listen: MB/s, and CPU seconds a GB of both ends",
    [
        Figure("median", "rate", rate("MB/s")),
        Ratio("`swb` does, times", "rate", inverse=True),
        Figure("CPU a GB, both ends", "cpu", lambda seconds: f"{seconds:.2f} s"),
        Ratio("of `swb`'s CPU", "cpu"),
    ],
    compared("listen", measure),
    first="both ends",
    bounded_by="gigabytes",
)
