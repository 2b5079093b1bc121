"""What the tables were measured on: machine, kernel, and the versions of everybody in them."""
import os
import pathlib
import platform
import subprocess

from . import packages, servers
from .program import CLIENT_CORE, SERVER_CORE


def described(options):
    """By name, in the order in which it is printed."""
    cpu = cpu_information()
    return {
        "machine": f"{cpu['model name']}{', virtual' if 'hypervisor' in cpu['flags'].split() else ''}; "
        f"{os.cpu_count()} cores, {memory_gib():.0f} GiB",
        "system": f"{system()}, {platform.system()} {platform.release()}",
        "placed": f"servers on core {SERVER_CORE}, clients on core {CLIENT_CORE}",
        "swb": first_line([options.swb, "--version"]) + revision(),
        "references": ", ".join(filter(None, [first_line(["cc", "--version"]), first_line(["rustc", "--version"])])),
        "peers": ", ".join(peers()),
        "method": f"rounds: {options.rounds}, interleaved, {options.seconds:g} s a turn; medians, and the ratios within "
        "a round: median (quartiles)",
    }


def head(told):
    return [f"- {name}: {text}" for name, text in told.items()]


def cpu_information():
    lines = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    found = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    return {"model name": platform.machine(), "flags": ""} | {name: value.strip() for name, value in found.items()}


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (AttributeError, OSError, KeyError):  # Python 3.9 does not know
        return "unknown distribution"


def revision():
    """The commit of the sources, and whether they have been changed since."""
    described = first_line(["git", "-C", str(servers.references.ROOT), "describe", "--always", "--dirty"])
    return f" ({described})" if described else ""


def peers():
    """Each package with its version, or that it is missing; and websocat, which is no package."""
    names = [server.package for server in servers.SERVERS if server.package] + ["iperf3", "strace", "liburing-dev"]
    for package in " ".join(names).split():
        yield packages.version(package) or f"{package} missing"
    websocat = servers.references.BUILT / servers.references.WEBSOCAT / "bin" / servers.references.WEBSOCAT
    yield first_line([websocat, "--version"]) or "websocat missing"


def first_line(words):
    try:
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.split("\n", 1)[0].strip()
