"""What the processes of a server cost: processor time, memory, syncs. All of them count, also those that ended meanwhile."""
import mmap
import os
import struct
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def tree(pids):
    """These processes and all below them."""
    found, left = [], list(pids)
    while left:
        pid = left.pop()
        found.append(pid)
        left += [int(child) for child in read("/proc/%d/task/%d/children" % (pid, pid)).split()]
    return found


def cpu_seconds(pids):
    """User and system time of the trees below these; what ended is in the time of the parent that waited for it."""
    ticks = 0
    for pid in tree(pids):
        fields = read("/proc/%d/stat" % pid).rsplit(") ", 1)
        if len(fields) == 2:
            ticks += sum(int(field) for field in fields[1].split()[11:15])
    return ticks / TICKS


def memory(pids):
    """Sum of resident octets: what processes share is counted in each."""
    return sum(int((read("/proc/%d/statm" % pid) or "0 0").split()[1]) for pid in tree(pids)) * PAGE


class Peak:
    """The most memory that a server had between begin and end."""

    def __init__(self, pids):
        self.pids, self.most, self.over = pids, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.wait(0.2):
            self.most = max(self.most, memory(self.pids()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.most = max(self.most, memory(self.pids()))


class Syncs:
    """The count that the preloaded sync_count.so keeps in a file."""

    def __init__(self, path, library):
        with open(path, "wb") as file:
            file.write(bytes(8))
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)
        self.env = {"LD_PRELOAD": library, "BENCH_SYNCS": path}

    def count(self):
        return struct.unpack("Q", self.map[:8])[0]


def load():
    return os.getloadavg()[0]


def wait_until(condition, timeout, what, pause=0.005):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("bench: waited %d s in vain for %s" % (timeout, what))
        time.sleep(pause)
