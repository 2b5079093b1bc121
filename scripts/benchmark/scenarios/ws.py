"""A relay that terminates WebSocket, before a server in the clear that is the same for all.

Echoes and calls are those of `swb load`; bulk has a client in Python, which sends one frame again and again, or counts
what comes, headers of frames included. Counted is the relay's CPU time.
"""
import os
import socket
import time

from .. import usage
from ..failed import Failed
from ..load import Load, loaded
from ..program import CLIENT_CORE
from ..scenario import Scenario, compared, compared_in, relayed
from .echo import columns
from .tls import BULK, CALLS, WARM_UP_S

UPGRADE = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PAYLOAD_BYTES = 65000
# A whole binary message, masked, of zeros: what is on the wire is the mask again and again.
MASK = b"\x37\xfa\x21\x3d"
FRAME = b"\x82\xfe" + PAYLOAD_BYTES.to_bytes(2, "big") + MASK + MASK * (PAYLOAD_BYTES // 4)

SILENT_S_MAX = 5


def answered(options, relay, port, load):
    with relayed(options, relay, "ws", port, "serve echo {behind}") as running:
        return loaded(options, running, f"ws://127.0.0.1:{port}", load)


def echoes(options, relay, port):
    return answered(options, relay, port, Load(50))


def calls(options, relay, port):
    return answered(options, relay, port, Load(16, churn=True))


def bulk(options, relay, port, way):
    """Bytes a second in one direction, and the relay's CPU seconds for each."""
    line = "serve discard {behind}" if way == "up" else "relay {behind} file:/dev/zero"
    os.sched_setaffinity(0, {CLIENT_CORE})
    with relayed(options, relay, "ws", port, line) as running:
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.settimeout(SILENT_S_MAX)
            try:
                return move(options, running, caller, way)
            except OSError as error:
                raise Failed(f"the call was broken off: {error}") from None


def move(options, relay, caller, way):
    upgrade(caller)
    room = bytearray(256 * 1024)

    def until(end):
        moved = 0
        while time.monotonic() < end:
            if way == "up":
                caller.sendall(FRAME)
                moved += PAYLOAD_BYTES
            else:
                came = caller.recv_into(room)
                if not came:
                    raise Failed("the relay has ended the call")
                moved += came
        return moved

    until(time.monotonic() + WARM_UP_S)
    start, before = time.monotonic(), usage.cpu_seconds(relay.pid)
    moved = until(start + options.seconds)
    took, cpu = time.monotonic() - start, usage.cpu_seconds(relay.pid) - before
    return {"rate": moved / took, "cpu": cpu / moved, "server": cpu / took}


def upgrade(caller):
    caller.sendall(UPGRADE.format(port=caller.getpeername()[1]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        came = caller.recv(1)
        if not came:
            raise Failed("the relay has ended the call")
        head += came
    if not head.startswith(b"HTTP/1.1 101"):
        raise Failed(f"no WebSocket: {head.splitlines()[0].decode(errors='replace')}")


ALL = [
    Scenario(
        "ws",
        "WebSocket terminated, 50 connections x 64 B echo behind it",
        "50 callers echo 64 bytes through a relay that terminates WebSocket",
        columns("/s"),
        compared("ws", echoes),
        first="relay",
    ),
    Scenario(
        "ws-calls",
        "WebSocket terminated: handshake, one echo, end; 16 at a time",
        "a WebSocket for each message, 16 at a time",
        CALLS,
        compared("ws", calls),
        first="relay",
    ),
    Scenario(
        "ws-bulk",
        "WebSocket terminated, one stream in bulk",
        "one stream up and one down through a relay that terminates WebSocket: MB/s, and its CPU seconds a GB",
        BULK,
        compared_in("ws", {"up": "up", "down": "down"}, bulk),
        first="direction, relay",
    ),
]
