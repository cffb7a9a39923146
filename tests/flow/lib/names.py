"""A real name server, knotd, with the zones that a test wants."""
import os
import shutil
import signal
import subprocess
import tempfile

import dns.exception
import dns.message
import dns.query
import dns.rcode

from .gateway import free_port
from .waiting import wait_for

KNOTD = shutil.which("knotd") or shutil.which("knotd", path="/usr/sbin")


class Names:
    """Zones are text by name: records without SOA and NS. A zone that is None is known and broken: SERVFAIL. Those in `signed` are signed, and
    `anchor` is a file with their keys. With an `address` it answers there too, on port 53, as the zones' name server."""

    def __init__(self, zones, signed=(), address=None):
        self.folder = tempfile.mkdtemp(prefix="flow-names-")
        self.port = free_port()
        self.zones, self.address, self.serial = zones, address or "127.0.0.1", 1
        for name, records in zones.items():
            if records is not None:
                self.write(name, records)
        with open(self.path("knot.conf"), "w") as out:
            out.write('server:\n  rundir: "%s"\n  listen: [%s]\n  background-workers: 1\n  udp-workers: 1\n  tcp-workers: 1\n'
                      'database:\n  storage: "%s"\ntemplate:\n  - id: default\n    storage: "%s"\n    zonefile-sync: -1\n'
                      '    journal-content: none\npolicy:\n  - id: fast\n    algorithm: ecdsap256sha256\nzone:\n'
                      % (self.folder, ", ".join([self.server, *([address + "@53"] if address else [])]), self.folder, self.folder))
            for name in zones:
                out.write("  - domain: %s\n    file: %s.zone\n" % (name, name))
                if name in signed:
                    out.write("    dnssec-signing: on\n    dnssec-policy: fast\n")
        with open(self.path("log"), "w") as log:
            self.process = subprocess.Popen([KNOTD, "-c", self.path("knot.conf")], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for name, records in zones.items():
            wait_for(lambda: self.knows(name) == (records is not None), 10, lambda: "the zone %s: %s" % (name, open(self.path("log")).read()))

        self.anchor = self.path("anchor")
        with open(self.anchor, "w") as out:
            for name in signed:
                answer = wait_for(lambda: self.keys(name), 10, lambda: "the keys of %s" % name)
                out.write(answer.to_text() + "\n")

    def keys(self, zone):
        """None: it is not signed yet."""
        answer = dns.query.tcp(dns.message.make_query(zone, "DNSKEY"), "127.0.0.1", port=self.port, timeout=2)
        return answer.answer[0] if answer.answer else None

    @property
    def server(self):
        return "127.0.0.1@%d" % self.port

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, records):
        with open(self.path(name + ".zone"), "w") as out:
            out.write("$ORIGIN %s.\n$TTL 300\n@ SOA ns h %d 3600 600 86400 300\n@ NS ns\nns A %s\n%s\n" % (name, self.serial, self.address, records))

    def change(self, name, records):
        """The zone has these records from now on."""
        self.serial += 1
        self.write(name, records)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.serial_of(name) == self.serial, 10, lambda: "the zone's change: %s" % open(self.path("log")).read())

    def serial_of(self, zone):
        answer = dns.query.udp(dns.message.make_query(zone, "SOA"), "127.0.0.1", port=self.port, timeout=2)
        return answer.answer[0][0].serial if answer.answer else None

    def knows(self, zone):
        """None: it does not answer yet."""
        try:
            answer = dns.query.udp(dns.message.make_query(zone, "SOA"), "127.0.0.1", port=self.port, timeout=0.2)
        except (dns.exception.Timeout, OSError):
            return None
        return answer.rcode() == dns.rcode.NOERROR

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
