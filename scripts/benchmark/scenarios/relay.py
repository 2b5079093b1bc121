"""A relay between callers and a server that is the same for all relays: echoes of 64 bytes, and one stream in bulk."""
import json
import subprocess

from .. import servers, sockets, usage
from ..failed import Failed
from ..load import Load, loaded
from ..program import CLIENT_CORE, Program, serving
from ..scenario import Scenario, compared, relayed, started
from ..table import Figure, Ratio, rate
from .echo import columns


def echoes(options, relay, port):
    """Counted is the relay's CPU time."""
    with relayed(options, relay, "relay", port, "serve echo {behind}") as running:
        return loaded(options, running, f"tcp://127.0.0.1:{port}", Load(50))


def bulk(options, relay, port):
    """Gbit/s that iperf3 sees through the relay, and the relay's CPU seconds a GB. iperf3 counts in whole seconds."""
    iperf = servers.require("iperf3", "iperf3")
    target = sockets.free_port()
    seconds = max(1, round(options.seconds))
    with serving([iperf, "-s", "-B", "127.0.0.1", "-p", str(target)], f"tcp://127.0.0.1:{target}", CLIENT_CORE):
        with started(options, relay, "relay", port, target) as running:
            words = [iperf, "-c", "127.0.0.1", "-p", str(port), "-t", str(seconds), "-J"]
            before = usage.cpu_seconds(running.pid)
            with Program(words, CLIENT_CORE, stdout=subprocess.PIPE) as client:
                told = json.loads(client.process.stdout.read() or "{}")
            cpu = usage.cpu_seconds(running.pid) - before
    if "error" in told or "end" not in told:
        raise Failed(f"iperf3: {told.get('error', 'no report')}")
    received = told["end"]["sum_received"]
    if not received["bytes"]:
        raise Failed("iperf3: nothing was received")
    return {"rate": received["bits_per_second"] / 1e9, "cpu": cpu / (received["bytes"] / 1e9)}


ALL = [
    Scenario(
        "relay",
        "Relay, 50 connections x 64 B echo behind it",
        "50 callers echo 64 bytes through a relay",
        columns("/s"),
        compared("relay", echoes),
        first="relay",
    ),
    Scenario(
        "relay-bulk",
        "Relay, one stream in bulk (iperf3)",
        "one stream of iperf3 through a relay: Gbit/s, and the relay's CPU seconds a GB",
        [
            Figure("median", "rate", rate("Gbit/s")),
            Ratio("`swb` does, times", "rate", inverse=True),
            Figure("relay's CPU a GB", "cpu", lambda seconds: f"{seconds:.3f} s"),
            Ratio("of `swb`'s CPU", "cpu"),
        ],
        compared("relay", bulk),
        first="relay",
    ),
]
