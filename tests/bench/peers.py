"""Who hands mail in, and where it ends: Postfix's smtp-source and smtp-sink, and the bench's own where these speak no TLS."""
import os
import re
import subprocess

from processes import read, wait_until
from servers import free_port, listens


class Sink:
    """Counts the messages it was given."""

    def __init__(self, folder, tls=False):
        self.folder, self.tls, self.port, self.process = folder, tls, free_port(), None
        self.output = os.path.join(folder.path, "sink-%d" % self.port)

    def command(self, dump):
        if self.tls:
            return [self.folder.tool("tls_sink"), *self.folder.certificates.pair("hop"), "127.0.0.1", str(self.port)]
        return ["smtp-sink", "-u", "postfix", "-c", "-m", "1000", *(["-D", dump] if dump else []), "127.0.0.1:%d" % self.port, "1000"]

    def start(self, dump=None):
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(self.command(dump), stdin=subprocess.DEVNULL, stdout=output)
        wait_until(lambda: listens(self.port), 10, "a sink to listen")
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def count(self):
        """The last counter that was written."""
        with open(self.output, "rb") as file:
            file.seek(max(0, os.path.getsize(self.output) - 200))
            counts = re.findall(rb"mesg=(\d+)[\r\n]", file.read())
        return int(counts[-1]) if counts else 0


class Dump:
    """A sink that keeps what it is given, in front of the measured one on the same port: is it the mail that was meant?"""

    def __init__(self, sink):
        self.sink = sink
        self.path = os.path.join(sink.folder.make("dump-%d" % sink.port), "mail")
        os.chmod(os.path.dirname(self.path), 0o777)

    def __enter__(self):
        self.sink.start(self.path)
        return self

    def __exit__(self, *_):
        self.sink.stop()

    def text(self):
        return read(self.path)


def source_command(folder, case, port, messages, sender):
    common = ["-s", str(case.sessions), "-m", str(messages), "-l", str(case.length), "-f", sender, "-t", "b@example.net"]
    if case.many:
        common.append("-d")
    if case.flavour in ("tls", "words"):
        return [folder.tool("tls_source"), *common, *(["-c", "-w"] if case.flavour == "words" else []), "127.0.0.1", str(port)]
    return ["smtp-source", *common, "-r", str(case.rcpts), "127.0.0.1:%d" % port]


def start_source(folder, case, server, messages, sender="a@example.com"):
    port = server.tls_port if case.flavour == "tls" else server.port
    return subprocess.Popen(source_command(folder, case, port, messages, sender))


def hand_in(folder, case, server, messages, sender="a@example.com"):
    code = start_source(folder, case, server, messages, sender).wait()
    if code != 0:
        raise SystemExit("bench: the source ended with %d" % code)


class IdleSessions:
    """Sessions that said EHLO (after STARTTLS) and then nothing."""

    def __init__(self, folder, server, count, tls):
        self.process = subprocess.Popen([folder.tool("tls_source"), "-i", str(count), *([] if tls else ["-c"]), "127.0.0.1",
                                         str(server.tls_port if tls else server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"idle %d\n" % count:
            raise SystemExit("bench: %d idle sessions could not be opened" % count)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
