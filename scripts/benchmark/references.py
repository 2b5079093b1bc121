"""What is built into target/bench when it is first wanted: the references of bench/references, and clients.

websocat, which Debian has no package of, is built from crates.io, by `scripts/bench --install` alone.
"""
import functools
import os
import pathlib
import shutil
import subprocess

from .failed import Failed

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES, CLIENTS = ROOT / "bench/references", ROOT / "bench/clients"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
BUILT = TARGET / "bench"

EPOLL, URING, TOKIO, TLS_CLIENT, WEBSOCAT = ALL = (
    "echo-epoll",
    "echo-uring",
    "tokio-echo",
    "tls-client",
    "websocat",
)

# Of programs in C: where the source is, what it is linked with, a header that it needs, and the package of that.
IN_C = {
    EPOLL: (SOURCES, [], "stdio.h", "libc6-dev"),
    URING: (SOURCES, ["-luring"], "liburing.h", "liburing-dev"),
    TLS_CLIENT: (CLIENTS, ["-lssl", "-lcrypto"], "openssl/ssl.h", "libssl-dev"),
}

WEBSOCAT_VERSION = "1.14.1"


@functools.cache
def build(name):
    """Where the program is, or why there is none."""
    BUILT.mkdir(parents=True, exist_ok=True)
    if name == TOKIO:
        manifest, folder = SOURCES / "tokio/Cargo.toml", BUILT / "tokio"
        words = ["cargo", "build", "--release", "--locked", "--quiet"]
        words += ["--manifest-path", manifest, "--target-dir", folder]
        return run(words) or folder / "release" / name
    if name == WEBSOCAT:
        program = BUILT / name / "bin" / name
        return program if program.exists() else "missing; scripts/bench --install builds it from crates.io"
    folder, libraries, header, package = IN_C[name]
    source, program = folder / f"{name.replace('-', '_')}.c", BUILT / name
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    compiler = shutil.which("cc")
    if not compiler:
        return "not built; apt-get install gcc libc6-dev"
    if not (pathlib.Path("/usr/include") / header).exists():
        return f"not built; apt-get install {package}"
    return run([compiler, "-O2", "-Wall", "-Wextra", "-o", program, source, *libraries]) or program


def install_websocat():
    """Unless it is there. Without its lock file, which names a crate that compilers of today refuse. Nothing, or why it
    failed.
    """
    if (BUILT / WEBSOCAT / "bin" / WEBSOCAT).exists():
        return None
    words = ["cargo", "install", WEBSOCAT, "--version", WEBSOCAT_VERSION, "--quiet", "--root", BUILT / WEBSOCAT]
    return run([*words, "--target-dir", BUILT / "websocat-build"])


def run(words):
    """Nothing, or why the build failed."""
    try:
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=ROOT)
    except OSError as error:
        return f"not built: {words[0]}: {error.strerror}"
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if "error" in line] or ["no reason was told"]
    return f"not built: {errors[0].strip()[:120]}"


def built(name):
    """Where the program is; fails where it cannot be built."""
    found = build(name)
    if isinstance(found, str):
        raise Failed(found)
    return found
