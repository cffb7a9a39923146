"""Load: many sessions at once that remember what was acknowledged, peers made for quantity, and the looks at a process under it."""
import hashlib
import os
import random
import re
import socket
import subprocess
import threading

from .client import Client, queue_id
from .gateway import free_port
from .waiting import PATIENCE, wait_for

SMTP_SOURCE, SMTP_SINK = "/usr/sbin/smtp-source", "/usr/sbin/smtp-sink"


def smtp_source(port, messages, sessions=20, size=1000, sender="a@example.com", rcpt="b@example.net", numbered=False, many=False):
    """Sends them all and waits for the end; numbered: the recipients are 1b@example.net, 2b@example.net, ...; many: in one session each."""
    command = [SMTP_SOURCE, "-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", sender, "-t", rcpt, *(["-N"] if numbered else []), *(["-d"] if many else []),
               "127.0.0.1:%d" % port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=(120 + messages / 1000) * PATIENCE)
    assert done.returncode == 0 and not done.stderr, done.stderr


class PostfixSink:
    """smtp-sink, which keeps up with anything; what it took is in `dump`."""

    def __init__(self, folder):
        self.port, self.dump, self.address = free_port(), os.path.join(folder, "dump"), "127.0.0.1"
        os.chmod(folder, 0o777)
        user = ["-u", "postfix"] if os.getuid() == 0 else []
        self.process = subprocess.Popen([SMTP_SINK, *user, "-D", self.dump, "127.0.0.1:%d" % self.port, "1000"], stderr=subprocess.DEVNULL)
        wait_for(self.listens, 10, "smtp-sink")

    def listens(self):
        try:
            socket.create_connection((self.address, self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def rcpts(self):
        """The recipients of all transactions, once each time."""
        with open(self.dump, "rb") as dump:
            return [match.decode() for match in re.findall(rb"(?m)^X-Rcpt-Args: <([^>]*)>", dump.read())]


# --- content that follows from a number, so that any copy of it can be judged ---

MARK = b"X-Flow: "


def content(number, sizes=(300, 2000, 9000, 40000)):
    """A message with that number: its size and its octets follow from it."""
    chance = random.Random(number)
    size = 300000 if number % 97 == 0 else chance.choice(sizes)
    text = b"%s%d\r\nFrom: <a@example.com>\r\nSubject: %d\r\n\r\n" % (MARK, number, number)
    line = b"%x\r\n" % chance.getrandbits(280)
    return text + line * (size // len(line))


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


def judged(data):
    """(number, digest) of what arrived, without what was put in front of it on the way."""
    text = data[data.index(MARK):]
    return int(text[len(MARK):text.index(b"\r\n")]), digest(text)


class Load:
    """Sessions that send without end, until the peer is gone or refuses one. kept: number -> (queue id, digest), for each 250 to a dot."""

    def __init__(self, port, sessions=8, first=1):
        self.port, self.kept, self.next = port, {}, first
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(sessions)]
        for thread in self.threads:
            thread.start()

    def number(self):
        with self.lock:
            self.next += 1
            return self.next - 1

    def run(self):
        try:
            with Client(self.port, ehlo="load.example.com") as client:
                while not self.stopping.is_set() and self.send(client, self.number()):
                    pass
        except (OSError, EOFError):
            return

    def send(self, client, number):
        text = content(number)
        client.envelope("a@example.com", "b@example.net")
        reply = client.text(text)
        if reply.code == 250:
            self.kept[number] = (queue_id(reply), digest(text))
        return reply.code == 250

    def wait(self, count, timeout=30.0):
        wait_for(lambda: len(self.kept) >= count, timeout, lambda: "%d acknowledged messages (have %d)" % (count, len(self.kept)))

    def join(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(20 * PATIENCE)
            assert not thread.is_alive()


class StreamSink:
    """Takes messages without keeping them: of each text (from MARK on, as it came over the wire) only length and digest."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address, self.port = self.listener.getsockname()
        self.texts = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with sock, sock.makefile("rb") as lines:
            sock.sendall(b"220 stream\r\n")
            for line in lines:
                verb = line[:4].upper().strip()
                sock.sendall(b"354 go on\r\n" if verb == b"DATA" else b"250 ok\r\n")
                if verb == b"DATA":
                    self.text(lines)
                    sock.sendall(b"250 kept\r\n")
                if verb == b"QUIT":
                    return

    def text(self, lines):
        seen, length, marked = hashlib.sha256(), 0, False
        for line in lines:
            if line == b".\r\n":
                self.texts.append((length, seen.hexdigest()))
                return
            marked = marked or line.startswith(MARK)
            if marked:
                seen.update(line)
                length += len(line)

    def stop(self):
        self.listener.close()


# --- the process under load ---

def children(pid):
    try:
        found = []
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as listed:
                found += [int(word) for word in listed.read().split()]
        return found
    except OSError:
        return []


def family(pid):
    """A process and all below it, the oldest first."""
    return [pid] + [below for child in children(pid) for below in family(child)]


def stopped(pid):
    """Every thread of it has come to a stop."""
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/stat" % (pid, task)) as stat:
            if stat.read().rsplit(") ", 1)[1][0] not in "TtZX":
                return False
    return True


class Process:
    """The process that serves: the gateway's own, or the one its supervisor started."""

    def __init__(self, gateway):
        self.pid = max(family(gateway.pid), key=lambda pid: self.field(pid, "VmRSS"))
        self.rss_before = self.field(self.pid, "VmRSS")
        self.cpu_before = self.cpu()

    @staticmethod
    def field(pid, name):
        with open("/proc/%d/status" % pid) as status:
            return int(re.search(name + r":\s+(\d+)", status.read()).group(1))

    def cpu(self):
        with open("/proc/%d/stat" % self.pid) as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def mark(self):
        """Growth and CPU time count from here."""
        with open("/proc/%d/clear_refs" % self.pid, "w") as clear:
            clear.write("5")
        self.rss_before, self.cpu_before = self.field(self.pid, "VmRSS"), self.cpu()
        return self

    def grown(self):
        """How far the resident memory has been above where it was, in KiB, at its highest since mark()."""
        return self.field(self.pid, "VmHWM") - self.rss_before

    def used(self):
        """CPU seconds since mark()."""
        return self.cpu() - self.cpu_before

    def files(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))
