"""The promise under a power cut: what was answered 250 is there afterwards, octet by octet. The state is on an ext4 of its own; everything is
stopped, the file system is shut down without the end of its journal, mounted again, and the gateway has to deliver all that it acknowledged. A
control run without syncs must lose some, or the tests here would prove nothing."""
import fcntl
import os
import signal
import struct
import subprocess
import tempfile

import pytest

from conftest import LONG, open_relay
from lib.gateway import built
from lib.load import Load, content, digest, family, judged, stopped
from lib.waiting import wait_for

pytestmark = pytest.mark.heavy

EXT4_IOC_SHUTDOWN, NOLOGFLUSH = 0x8004587d, struct.pack("I", 2)
CUTS = 12 if LONG else 3
ENOUGH = 3000 if LONG else 400  # acknowledged messages before a cut


class Disk:
    """An ext4 on a loop file, whose power can be cut."""

    def __init__(self, folder):
        self.image, self.path = os.path.join(folder, "disk"), os.path.join(folder, "mnt")
        os.mkdir(self.path)
        with open(self.image, "wb") as image:
            image.truncate(1 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)

    def mount(self):
        done = subprocess.run(["mount", "-o", "loop", self.image, self.path], capture_output=True, text=True)
        return done.stderr if done.returncode else ""

    def umount(self):
        subprocess.run(["umount", self.path], check=True)

    def cut_power(self):
        """Nothing that is only in memory gets to the disk any more, not even the journal's end."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, NOLOGFLUSH)
        finally:
            os.close(handle)

    def remove(self):
        if os.path.ismount(self.path):
            subprocess.run(["umount", "-l", self.path])


@pytest.fixture
def disk():
    with tempfile.TemporaryDirectory(prefix="flow-disk-") as folder:
        disk = Disk(folder)
        trouble = disk.mount() if os.getuid() == 0 else "not root"
        if trouble:
            pytest.skip("no loop mounts here: " + trouble)
        yield disk
        disk.remove()


@pytest.fixture
def site(disk, new_gateway, new_sink):
    """A gateway whose state is on that disk, and a sink that takes one message in three while `picky`."""
    sink = new_sink(script={"dot": lambda session, line: "451 4.3.0 not now" if sink.picky and len(sink.texts) % 3 else "ok"})
    sink.picky = True
    gateway = new_gateway()
    gateway.state = os.path.join(disk.path, "state")
    gateway.socket_path = os.path.join(gateway.state, "control.sock")
    os.makedirs(gateway.state)
    open_relay(gateway, "out").relay("out", sink).set(queue__retry=["2s"])
    return gateway, sink


def cut(gateway, disk):
    """The power goes, and comes back."""
    pids = family(gateway.pid) if gateway.alive() else []
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(stopped(pid) for pid in pids), 10, "the processes to stop")
    disk.cut_power()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    gateway.wait_end()
    wait_for(lambda: not any(os.path.exists("/proc/%d" % pid) for pid in pids), 10, "the processes to end")
    disk.umount()
    assert not disk.mount()


def storm(gateway, disk, first, how_much):
    """Load from that number on, and a cut in the middle of it; gives what had been acknowledged."""
    load = Load(gateway.clear_port, first=first)
    load.wait(how_much)
    cut(gateway, disk)
    load.join()
    return load


class Arrivals:
    """What a sink got: number -> the digests it came with."""

    def __init__(self, sink):
        self.sink, self.seen, self.digests = sink, 0, {}

    def look(self):
        messages = self.sink.messages[self.seen:]
        self.seen += len(messages)
        for message in messages:
            number, octets = judged(message.data)
            self.digests.setdefault(number, set()).add(octets)
        return self.digests

    def lost(self, kept):
        return sorted(set(kept) - set(self.look()))

    def altered(self):
        """Acknowledged or not: what arrives is what was sent."""
        return sorted(number for number, digests in self.look().items() if digests != {digest(content(number))})


def settle(gateway, kept, arrivals):
    """All of it arrives, or nothing more comes."""
    arrivals.sink.picky = False
    wait_for(lambda: not arrivals.lost(kept) or not any(gateway.status()["queue"][key] for key in ("waiting", "active")), 60,
             lambda: "%d messages: %r" % (len(arrivals.lost(kept)), gateway.status()["queue"]))


def cut_while_recovering(gateway, disk, nth):
    """The power goes again at a sync that the recovery makes."""
    gateway.launch(env={"LD_PRELOAD": built("tests", "faultfs.so"), "FAULTFS_RULES": "sync kill n=%d path=spool" % nth})
    wait_for(lambda: gateway.process.poll() is not None or gateway.ask("help"), 20, "the recovery")
    cut(gateway, disk)


def test_nothing_acknowledged_is_lost_in_a_power_cut(disk, site):
    gateway, sink = site
    kept, arrivals = {}, Arrivals(sink)
    for round in range(CUTS):
        gateway.start()
        sink.picky = True
        load = storm(gateway, disk, round * 1000000 + 1, ENOUGH + round * 37)
        kept.update(load.kept)
        if round % 2:
            cut_while_recovering(gateway, disk, round // 2 + 1)
        gateway.start()
        settle(gateway, kept, arrivals)
        assert arrivals.lost(kept) == []
        assert arrivals.altered() == []
        assert gateway.status()["spool"]["damaged"] == 0
        assert gateway.status()["queue"]["held"] == 0
        gateway.stop()
    assert len(kept) >= CUTS * ENOUGH


def test_the_cut_bites_where_syncs_are_left_out(disk, site):
    gateway, sink = site
    shim = built("tests", "faultfs.so")
    gateway.start(env={"LD_PRELOAD": shim, "FAULTFS_RULES": "sync skip", "FAULTFS_LOG": os.path.join(gateway.folder, "skipped")})
    load = storm(gateway, disk, 1, ENOUGH)
    assert os.path.getsize(os.path.join(gateway.folder, "skipped")) > 0, "no sync was skipped"
    gateway.launch()
    wait_for(lambda: gateway.process.poll() is not None or gateway.ask("help"), 20, "the gateway to start, or to refuse")
    arrivals = Arrivals(sink)
    if gateway.alive():
        settle(gateway, load.kept, arrivals)
    assert arrivals.lost(load.kept), "nothing was lost without syncs: these tests do not bite here"
