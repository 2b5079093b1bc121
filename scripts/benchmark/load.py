"""The load: `swb load`, the same for every server, beside which the server's CPU time is read."""
import json
import subprocess
import time
from typing import NamedTuple

from . import usage
from .failed import Failed
from .program import CLIENT_CORE, Program

# An answer that takes longer than this is none.
TIMEOUT_S = 5


class Load(NamedTuple):
    """What is offered: so many calls, each with so many messages of so many bytes on their way at once."""

    calls: int
    size: int = 64
    in_flight: int = 1
    churn: bool = False
    warm_up_s: float = 0.3  # until the calls are open: that is neither in the rate nor in the CPU time


def loaded(options, server, address, load):
    """Messages a second, the server's CPU seconds for each, and how busy the generator was."""
    seconds = load.warm_up_s + options.seconds
    words = [options.swb, "load", "--json", "--calls", load.calls, "--size", load.size, "--in-flight", load.in_flight]
    words += ["--warm-up", f"{load.warm_up_s * 1e3:.0f}ms", "--duration", f"{seconds * 1e3:.0f}ms"]
    words += ["--timeout", f"{TIMEOUT_S}s", *(["--churn"] if load.churn else []), address]
    with Program([str(word) for word in words], CLIENT_CORE, stdout=subprocess.PIPE) as client:
        start = time.monotonic()
        before = at(server, start + load.warm_up_s)
        after = at(server, start + seconds)
        told = client.process.stdout.read()
        client.process.wait()
        if not told:
            raise Failed(f"load: {client.last_words()}")
    return figures(json.loads(told), before, after)


def at(server, moment):
    """The server's CPU time at a moment, and when that was."""
    time.sleep(max(0.0, moment - time.monotonic()))
    return usage.cpu_seconds(server.pid), time.monotonic()


def figures(report, before, after):
    """A row's figures. The CPU share of the time divided by the rate is what each message costs."""
    if report["wrong"]:
        raise Failed(f"{report['wrong']} wrong answers")
    if not report["answered"]:
        reasons = [each["text"] for each in report["failures"]] or ["nothing was answered"]
        raise Failed(reasons[0])
    busy = (after[0] - before[0]) / (after[1] - before[1])
    found = {
        "rate": report["messages_per_s"],
        "cpu": busy / report["messages_per_s"],
        "server": busy,
        "client": report["generator_busy_percent"] / 100,
        "p50": report["latency_us_p50"] / 1e6,
        "p99": report["latency_us_p99"] / 1e6,
    }
    problems = [f"{each['calls']} calls failed: {each['text']}" for each in report["failures"]]
    if report["lost"]:
        problems.append(f"{report['lost']} of {report['sent']} datagrams were not answered")
    waiting = report["calls"] - report["calls_served"]
    if waiting:
        problems.append(f"{waiting} of {report['calls']} callers had no answer")
    return found | ({"remark": "; ".join(problems)} if problems else {})
