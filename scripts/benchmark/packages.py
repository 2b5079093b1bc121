"""Debian's packages: which are missing, how they are installed, which versions were measured."""
import os
import shutil
import subprocess
import sys

from .failed import Failed
from .servers import SERVERS, TOOLS, require


def missing(only):
    """The packages whose programs are not there, of the servers that are wanted; each once."""
    wanted = [(server.program, server.package) for server in SERVERS if server.package and server.name in only]
    if not only:
        wanted = [(server.program, server.package) for server in SERVERS if server.package] + TOOLS
    found = []
    for program, package in wanted:
        try:
            require(program, package)
        except Failed:
            found += package.split()
    return list(dict.fromkeys(found))


def install(packages):
    """By apt-get, as root or by sudo(8)."""
    if not shutil.which("apt-get"):
        sys.exit(f"scripts/bench: there is no apt-get to install {' '.join(packages)}")
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
        done = subprocess.run([*as_root, *quiet, *words], stdout=sys.stderr)
        if done.returncode != 0:
            sys.exit(f"scripts/bench: apt-get {words[0]} failed")


def version(package):
    """`NAME VERSION` of an installed package, or nothing."""
    if not shutil.which("dpkg-query"):
        return None
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}", package], capture_output=True, text=True
    )
    status, _, told = asked.stdout.partition(" ")
    return told if status == "installed" else None
