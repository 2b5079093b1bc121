"""What processes use of the machine, as proc(5) tells it: CPU time and memory of a tree, CPU time of all others."""
import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")
PROC = pathlib.Path("/proc")
KTHREADD = 2


def read(path):
    """The text of a file, or nothing where its process has ended meanwhile."""
    try:
        return path.read_text()
    except OSError:
        return ""


def of_threads(pid, name):
    """The text of this file of each thread of a process, as far as there is one still."""
    try:
        threads = os.listdir(PROC / str(pid) / "task")
    except OSError:
        return []
    return [read(PROC / str(pid) / "task" / thread / name) for thread in threads]


def tree(pid):
    """The process and all its descendants."""
    found, left = [], [pid]
    while left:
        pid = left.pop()
        found.append(pid)
        for children in of_threads(pid, "children"):
            left += map(int, children.split())
    return found


def times(pid):
    """CPU seconds of a process, of its children that have ended and were waited for, and whose child it is."""
    text = read(PROC / str(pid) / "stat")
    if not text:
        return 0.0, 0.0, 0
    fields = text.rsplit(")", 1)[1].split()
    user, system, children_user, children_system = map(int, fields[11:15])
    return (user + system) / TICKS, (children_user + children_system) / TICKS, int(fields[1])


def cpu_seconds(pid):
    """CPU time of the process and its descendants, those included that have ended and were waited for.

    Threads that live are counted in nanoseconds; only the whole of a process knows of those that have ended.
    """
    seconds = 0.0
    for each in tree(pid):
        threads = [text.split() for text in of_threads(each, "schedstat")]
        own, children, _ = times(each)
        seconds += max(own, sum(int(fields[0]) for fields in threads if fields) / 1e9) + children
    return seconds


def memory_kib(pid):
    """Proportional set size of the process and its descendants: the kernel's memory for sockets is not in it."""
    lines = (line for each in tree(pid) for line in read(PROC / str(each) / "smaps_rollup").splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


class Foreign:
    """The CPU time that others have used since this was made: other processes, and the hypervisor's other guests."""

    def __init__(self):
        self.before = others_seconds()

    def seconds(self):
        return max(0.0, others_seconds() - self.before)


def others_seconds():
    """The kernel's own threads are not counted: they work for us, too."""
    ours = set(tree(os.getpid()))
    found = [times(each) for each in map(int, filter(str.isdigit, os.listdir(PROC))) if each not in ours]
    stolen = int((PROC / "stat").read_text().split(maxsplit=9)[8]) / TICKS
    return stolen + sum(own + children for own, children, parent in found if parent != KTHREADD)
