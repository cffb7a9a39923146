"""clamds: one that answers as it is told, and Debian's with a signature database of three lines."""
import array
import os
import shutil
import socket
import subprocess
import threading

from lib.waiting import wait_for

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
INSTALLED = shutil.which("clamd")


class FakeClamd:
    """Scans for b"VIRUS". `fault(connection)` is called instead of an answer to a scan, after the content was read; `before` before it is read."""

    def __init__(self, path=None):
        self.path, self.version, self.scans, self.commands = path, "ClamAV 1.4.6/27000/Mon Nov 23 10:00:00 2026", [], []
        self.fault = self.before = self.answer = None
        self.open()

    def open(self):
        self.listener = socket.socket(socket.AF_UNIX if self.path else socket.AF_INET)
        if not self.path:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif os.path.exists(self.path):
            os.unlink(self.path)
        self.listener.bind(self.path or ("127.0.0.1", getattr(self, "port", 0)))
        if self.path:
            os.chmod(self.path, 0o666)
        else:
            self.port = self.listener.getsockname()[1]
        self.listener.listen(100)
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()
        return self

    @property
    def name(self):
        return self.path or "127.0.0.1:%d" % self.port

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def serve(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection:
            try:
                self.one(connection)
            except OSError:
                pass

    def one(self, connection):
        command = b""
        while not command.endswith(b"\0"):
            octet = connection.recv(1)
            if not octet:
                return
            command += octet
        self.commands.append(command[:-1].decode())
        if command == b"zVERSION\0":
            connection.sendall(self.version.encode() + b"\0")
            return
        if self.before:
            self.before(connection)
            return
        content = self.stream(connection) if command == b"zINSTREAM\0" else self.file(connection)
        self.scans.append(content)
        label = "stream" if command == b"zINSTREAM\0" else "fd[7]"
        if self.fault:
            self.fault(connection)
        else:
            said = self.answer or ("Test.Virus FOUND" if b"VIRUS" in content else "OK")
            connection.sendall(("%s: %s" % (label, said)).encode() + b"\0")

    def stream(self, connection):
        file, content = connection.makefile("rb"), b""
        while True:
            size = int.from_bytes(file.read(4), "big")
            if not size:
                return content
            content += file.read(size)

    def file(self, connection):
        fds = array.array("i")
        _, control, _, _ = connection.recvmsg(1, socket.CMSG_LEN(4))
        fds.frombytes(control[0][2][:4])
        with os.fdopen(fds[0], "rb") as file:
            return file.read()


class FakeIcap(FakeClamd):
    """An ICAP service (RFC 3507) on TCP that scans for b"VIRUS" in what comes as the body of a response; `answer` is a header block to say instead."""

    tag, methods = '"T-1"', "RESPMOD"

    @property
    def name(self):
        return "icap://127.0.0.1:%d/scan" % self.port

    def one(self, connection):
        file = connection.makefile("rb")
        line = file.readline().decode()
        fields = dict(text.decode().strip().split(": ", 1) for text in iter(file.readline, b"\r\n"))
        self.commands.append(line.split(" ")[0])
        assert fields["Host"] == "127.0.0.1:%d" % self.port and line.split(" ")[1:] == [self.name, "ICAP/1.0\r\n"], line
        if line.startswith("OPTIONS"):
            self.say(connection, "ICAP/1.0 200 OK\r\nMethods: %s\r\nISTag: %s\r\nAllow: 204\r\nEncapsulated: null-body=0" % (self.methods, self.tag))
            return
        if self.before:
            self.before(connection)
            return
        places = dict(place.split("=") for place in fields["Encapsulated"].split(", "))
        head = file.read(int(places["res-body"]))
        assert head[:int(places["res-hdr"])].startswith(b"GET ") and head[int(places["res-hdr"]):].startswith(b"HTTP/1.1 200 OK\r\n") and head.endswith(b"\r\n\r\n")
        content = b"".join(self.chunks(file))
        self.scans.append(content)
        found = "200 OK\r\nX-Infection-Found: Type=0; Resolution=2; Threat=Test Virus;\r\nEncapsulated: res-hdr=0, null-body=19\r\n\r\nHTTP/1.1 403 No"
        self.fault(connection) if self.fault else self.say(connection, self.answer or "ICAP/1.0 %s" % (
            found if b"VIRUS" in content else "204 No modifications\r\nISTag: %s" % self.tag))

    def say(self, connection, text):
        connection.sendall(text.encode() + b"\r\n\r\n")

    def chunks(self, file):
        while True:
            size = int(file.readline(), 16)
            content = file.read(size)
            assert file.read(2) == b"\r\n"
            if not size:
                return
            yield content


class Clamd:
    """Debian's clamd; finds EICAR as Eicar-Test anywhere, and marks what is encrypted."""

    def __init__(self, folder, most="1M"):
        self.folder, self.path, self.process = str(folder), os.path.join(str(folder), "clamd.sock"), None
        os.makedirs(os.path.join(self.folder, "db"), exist_ok=True)
        with open(os.path.join(self.folder, "db", "test.ndb"), "w") as out:
            out.write("Eicar-Test:0:*:%s\n" % EICAR.hex())
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        listener.close()
        with open(os.path.join(self.folder, "clamd.conf"), "w") as out:
            out.write("LocalSocket %s\nLocalSocketMode 666\nTCPSocket %d\nTCPAddr 127.0.0.1\nDatabaseDirectory %s/db\nForeground yes\nSelfCheck 0\n"
                      "StreamMaxLength %s\nMaxThreads 4\nAlertEncrypted yes\nUser root\n" % (self.path, self.port, self.folder, most))
        self.log = open(os.path.join(self.folder, "clamd.log"), "wb")

    def start(self):
        self.process = subprocess.Popen(["clamd", "-c", os.path.join(self.folder, "clamd.conf")], stdout=self.log, stderr=self.log)
        wait_for(self.answers, 20, "clamd on its socket")
        return self

    def answers(self):
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(self.path)
            except OSError:
                return False
            link.sendall(b"zPING\0")
            return link.recv(10) == b"PONG\0"

    def stop(self):
        self.process and self.process.poll() is None and self.process.kill()
        self.process and self.process.wait()
        self.log.close()
