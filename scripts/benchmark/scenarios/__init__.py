"""All scenarios, in the order in which they run."""
from . import bursts, callers, echo, idle, oneway, relay, syscalls, tls, transports, ws

ALL = [
    *echo.ALL,
    bursts.BURSTS,
    idle.IDLE,
    oneway.ONEWAY,
    callers.CALLERS,
    transports.TRANSPORTS,
    *relay.ALL,
    *tls.ALL,
    *ws.ALL,
    syscalls.SYSCALLS,
]
