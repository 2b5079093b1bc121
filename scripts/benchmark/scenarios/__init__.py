"""All scenarios, in the order in which they run."""
from . import bursts, callers, echo, idle, oneway, relay, syscalls, transports

ALL = [
    *echo.ALL,
    bursts.BURSTS,
    idle.IDLE,
    oneway.ONEWAY,
    callers.CALLERS,
    transports.TRANSPORTS,
    *relay.ALL,
    syscalls.SYSCALLS,
]
