"""The references of bench/references: built when they are first wanted, into target/bench."""
import functools
import os
import pathlib
import shutil
import subprocess

from .failed import Failed

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "bench/references"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
BUILT = TARGET / "bench"

EPOLL, URING, TOKIO = ALL = ("echo-epoll", "echo-uring", "tokio-echo")


@functools.cache
def build(name):
    """Where the program is, or why there is none."""
    BUILT.mkdir(parents=True, exist_ok=True)
    if name == TOKIO:
        manifest, folder = SOURCES / "tokio/Cargo.toml", BUILT / "tokio"
        words = ["cargo", "build", "--release", "--locked", "--quiet"]
        words += ["--manifest-path", manifest, "--target-dir", folder]
        return run(words) or folder / "release" / name
    source, program = SOURCES / f"{name.replace('-', '_')}.c", BUILT / name
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    compiler = shutil.which("cc")
    if not compiler:
        return "not built; apt-get install gcc libc6-dev"
    if name == URING and not pathlib.Path("/usr/include/liburing.h").exists():
        return "not built; apt-get install liburing-dev"
    libraries = ["-luring"] if name == URING else []
    return run([compiler, "-O2", "-Wall", "-Wextra", "-o", program, source, *libraries]) or program


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
