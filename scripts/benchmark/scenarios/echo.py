"""Echo in a closed loop: few callers, many, long messages, a call for each message, datagrams."""
from ..load import Load, loaded
from ..scenario import Scenario, compared, started
from ..table import Figure, Ratio, micros, percent, rate


def columns(unit):
    return [
        Figure("median", "rate", rate(unit)),
        Ratio("`swb` does, times", "rate", inverse=True),
        Figure("server CPU each", "cpu", micros),
        Ratio("of `swb`'s CPU", "cpu"),
        Figure("server busy", "server", percent),
        Figure("client busy", "client", percent),
    ]


def echo(name, title, does, load, part="tcp", unit="/s"):
    def measure(options, server, port):
        scheme = "udp" if part == "udp" else "tcp"
        with started(options, server, part, port) as running:
            return loaded(options, running, f"{scheme}://127.0.0.1:{port}", load)

    return Scenario(name, title, does, columns(unit), compared(part, measure))


ALL = [
    echo("echo50", "Echo, 50 connections x 64 B", "50 callers echo 64 bytes", Load(50)),
    echo("echo1000", "Echo, 1,000 connections x 64 B", "1,000 callers echo 64 bytes", Load(1000, warm_up_s=1.5)),
    echo("echo64k", "Echo, 8 connections x 64 KiB", "8 callers echo 64 KiB", Load(8, size=65536)),
    echo(
        "churn",
        "Connect, one echo, close; 32 at a time",
        "a call for each message, 32 at a time",
        Load(32, churn=True),
        unit="calls/s",
    ),
    echo(
        "udp",
        "UDP echo, 16 sockets x 64 B, 8 in flight",
        "16 UDP callers echo 64 bytes, 8 on their way at once",
        Load(16, in_flight=8),
        part="udp",
    ),
]
