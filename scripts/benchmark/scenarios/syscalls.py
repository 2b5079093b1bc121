"""What limits an echo, in system calls: how many a server makes for each message, as strace(1) counts them.

The calls that start it and open the connections are among them. Traced, a server is slow, so that more is ready at each
wake-up than otherwise: what is told of waiting is the least that there can be.
"""
import json
import os
import signal
import subprocess

from .. import servers, sockets, usage
from ..failed import Failed
from ..program import CLIENT_CORE, Program, serving
from ..rounds import Row
from ..scenario import Scenario
from ..table import Figure, Ratio, hundredths

# How a load differs from 50 callers who echo, whose part it needs, and how many messages it has.
LOADS = {
    "echo": ("tcp", ["--calls", "50"], 10000),
    "churn": ("tcp", ["--calls", "32", "--churn"], 2000),
    "udp": ("udp", ["--calls", "16", "--in-flight", "8"], 10000),
}

# What the calls are for, by what their names begin with; the rest is "other".
KINDS = {
    "receiving": ("recv", "read"),
    "sending": ("send", "write"),
    "waiting": ("epoll_wait", "epoll_pwait", "poll", "ppoll", "select", "pselect", "io_uring_enter"),
}

FORKING = ("socat", "ncat", "tcpserver")
ENDS_WITHIN_S = 10


def measure(options, server, part, load, count):
    strace = servers.require("strace", "strace")
    port, file = sockets.free_port(part), options.scratch / "calls"
    address = f"{part}://127.0.0.1:{port}"
    words = [strace, "-f", "-c", "-o", str(file), "--", *servers.command(options, server, part, port)]
    with serving(words, address) as traced:
        client = [str(options.swb), "load", "--json", "--count", str(count), *load, address]
        with Program(client, CLIENT_CORE, stdout=subprocess.PIPE) as calling:
            told = calling.process.stdout.read()
        for pid in usage.tree(traced.pid)[1:]:
            os.kill(pid, signal.SIGTERM)
        traced.end(ENDS_WITHIN_S)
    answered = json.loads(told or "{}").get("answered")
    if not answered:
        raise Failed("nothing was answered")
    return figures(counted(file.read_text()), answered)


def counted(text):
    """Calls by their names, of the table that strace -c writes.

    >>> counted(" 99.0    0.2     4    20000     7 recvfrom\\n  1.0    0.1     1     5      bind\\n------\\n")
    {'recvfrom': 20000, 'bind': 5}
    """
    lines = (line.split() for line in text.splitlines())
    return {line[-1]: int(line[3]) for line in lines if len(line) >= 5 and line[3].isdigit() and line[-1] != "total"}


def figures(calls, answered):
    """Calls a message, of each kind.

    >>> figures({"recvfrom": 20, "sendto": 10, "bind": 1}, 10)["other"]
    0.1
    """
    found = {kind: 0 for kind in [*KINDS, "other"]}
    for name, count in calls.items():
        kinds = [kind for kind, begins in KINDS.items() if name.startswith(begins)]
        found[kinds[0] if kinds else "other"] += count
    return {"all": sum(calls.values()) / answered} | {kind: count / answered for kind, count in found.items()}


def rows(options):
    def row(name, server):
        part, load, count = LOADS[name]
        return Row(f"{name}, {server.name}", f"{name}, swb", lambda: measure(options, server, part, load, count))

    return [
        row(name, server)
        for name, (part, _, _) in LOADS.items()
        for server in with_epoll(servers.playing(part, options.only))
        if server.name not in FORKING
    ]


def with_epoll(playing):
    """Beside `swb` under its default engine, `swb` under epoll."""
    for server in playing:
        yield server
        if server.name == "swb":
            tcp, udp = (f"{line} --engine epoll" for line in (server.tcp, server.udp))
            yield server._replace(name="swb under epoll", tcp=tcp, udp=udp)


SYSCALLS = Scenario(
    "syscalls",
    "System calls for each message",
    "system calls of a server for each message, counted by strace(1); 3 rounds at most",
    [
        Figure("all", "all", hundredths),
        Ratio("of `swb`'s", "all"),
        *(Figure(kind, kind, hundredths) for kind in [*KINDS, "other"]),
    ],
    rows,
    first="load, server",
    bounded_by="",
    rounds_max=3,
)
