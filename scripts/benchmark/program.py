"""A program that is started on a core of its own, and is gone with all that it started when it is no longer needed."""
import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile
import time

from . import sockets
from .failed import Failed

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[min(1, len(CORES) - 1)]

READY_WITHIN_S = 10
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PRCTL = ctypes.CDLL(None).prctl


def adopt_orphans():
    """Makes this process the parent of whoever loses its own, so that they can be waited for."""
    PRCTL(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Program:
    """Runs until the `with` ends. What it says on standard error is kept, to tell why it failed."""

    def __init__(self, command, core, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        def prepare():
            os.sched_setaffinity(0, {core})
            PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

        self.command = command
        self.said = tempfile.TemporaryFile("w+", errors="replace")
        try:
            self.process = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, stderr=self.said, start_new_session=True, preexec_fn=prepare
            )
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from None
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-self.pid, 0)  # what it had started, and is ours since it ended
        if self.process.stdout:
            self.process.stdout.close()
        self.said.close()

    def last_words(self):
        self.said.seek(0)
        lines = [line for line in self.said.read().splitlines() if line.strip()]
        return lines[-1].strip()[:120] if lines else f"it ended with status {self.process.poll()}"

    def wait_until(self, holds, what, within=READY_WITHIN_S):
        """Waits for what the kernel shows of it; fails when it has ended, or after the time."""
        end = time.monotonic() + within
        while not holds():
            if self.process.poll() is not None:
                raise Failed(f"{os.path.basename(self.command[0])}: {self.last_words()}")
            if time.monotonic() > end:
                raise Failed(f"{os.path.basename(self.command[0])}: {what} within {within} s")
            time.sleep(0.005)

    def end(self, within):
        """Waits for its end; its exit status and the CPU seconds that it has used."""
        end = time.monotonic() + within
        while True:
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                return self.process.returncode, used.ru_utime + used.ru_stime
            if time.monotonic() > end:
                raise Failed(f"{os.path.basename(self.command[0])}: it did not end within {within} s")
            time.sleep(0.002)


@contextlib.contextmanager
def serving(command, address, core=SERVER_CORE):
    """A server, once somebody listens at its address."""
    with Program(command, core) as server:
        server.wait_until(lambda: sockets.is_served(address), f"nobody listened at {address}")
        yield server
