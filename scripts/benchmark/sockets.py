"""Which sockets there are, as the kernel lists them in /proc/net: nobody has to be called to find out who is ready."""
import pathlib
import socket

ESTABLISHED, LISTENING, UNCONNECTED = "01", "0A", "07"
ACCEPTS = "00010000"  # the flag of a Unix socket between listen(2) and close(2)
HOST = "127.0.0.1"


def free_port(protocol="tcp"):
    """A port that nobody has at the moment."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as asks:
        asks.bind((HOST, 0))
        return asks.getsockname()[1]


def is_served(address):
    """Whether somebody listens at `tcp://HOST:PORT`, `udp://HOST:PORT` or `unix…:@NAME`."""
    scheme, _, rest = address.partition(":")
    if scheme.startswith("unix"):
        lines = map(str.split, pathlib.Path("/proc/net/unix").read_text().splitlines())
        return any(line[-1] == rest and line[3] == ACCEPTS for line in lines)
    state = UNCONNECTED if scheme == "udp" else LISTENING
    return any(line[3] == state for line in at_port(scheme, int(rest.rsplit(":", 1)[1])))


def accepted(port):
    """How many calls at a TCP port a server has accepted: those that wait in the backlog belong to no process yet."""
    return sum(1 for line in at_port("tcp", port) if line[3] == ESTABLISHED and line[9] != "0")


def at_port(scheme, port):
    """The sockets whose own port this is, as fields of /proc/net/tcp or udp."""
    ending = f":{port:04X}"
    for name in (scheme, scheme + "6"):
        try:
            lines = pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue  # a kernel without IPv6
        for line in lines:
            if ending in line:
                fields = line.split()
                if fields[1].endswith(ending):
                    yield fields
