"""A raw SMTP client: says exactly the octets it is told, reads exactly one reply at a time."""
import re
import socket
import ssl
import struct

from .waiting import PATIENCE


class Reply:
    def __init__(self, code, lines):
        self.code, self.lines = code, lines

    @property
    def text(self):
        return " ".join(self.lines)

    def __repr__(self):
        return "%d %s" % (self.code, " | ".join(self.lines))


class Client:
    def __init__(self, port, address="127.0.0.1", timeout=15.0, greet=True, ehlo=None, source=None):
        self.sock = socket.create_connection((address, port), timeout * PATIENCE, source_address=(source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.greeting = self.reply() if greet else None
        if ehlo:
            self.features = self.say("EHLO " + ehlo, 250).lines[1:]

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()

    # --- octets ---

    def send(self, octets):
        self.sock.sendall(octets.encode("latin-1") if isinstance(octets, str) else octets)

    def send_bytewise(self, octets):
        for i in range(len(octets)):
            self.sock.sendall(octets[i:i + 1])

    def line(self):
        while b"\n" not in self.buffer:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError("closed, with %r unread" % self.buffer)
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def reply(self):
        lines = []
        while True:
            line = self.line()
            assert re.match(r"\d{3}[ -]", line), "no reply: %r" % line
            lines.append(line[4:])
            if line[3] == " ":
                return Reply(int(line[:3]), lines)

    def replies(self, count):
        return [self.reply() for _ in range(count)]

    def rest(self):
        """All that comes until the other end closes."""
        got, self.buffer = self.buffer, b""
        while True:
            try:
                part = self.sock.recv(65536)
            except ConnectionResetError:
                return got
            if not part:
                return got
            got += part

    # --- dialogue ---

    def say(self, line, *codes):
        self.send(line.encode("latin-1") + b"\r\n")
        reply = self.reply()
        if codes:
            assert reply.code in codes, "%s: %r" % (line[:100], reply)
        return reply

    def envelope(self, sender="a@example.com", *rcpts, params=""):
        self.say("MAIL FROM:<%s>%s" % (sender, params), 250)
        for rcpt in rcpts or ("b@example.net",):
            self.say("RCPT TO:<%s>" % rcpt, 250)

    def text(self, octets):
        """The octets with the end of data: nothing is stuffed."""
        self.say("DATA", 354)
        self.send(octets + (b"" if octets.endswith(b"\r\n") or not octets else b"\r\n") + b".\r\n")
        return self.reply()

    def message(self, octets=b"Subject: flow\r\n\r\nhello\r\n", sender="a@example.com", *rcpts, params=""):
        """A whole transaction, dots stuffed; gives the reply to the dot."""
        self.envelope(sender, *rcpts, params=params)
        return self.text(re.sub(rb"(?m)^\.", b"..", octets))

    def start_tls(self, context=None):
        self.say("STARTTLS", 220)
        self.wrap(context)

    def wrap(self, context=None):
        if context is None:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname="relay.example.com")

    # --- ends ---

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def queue_id(reply):
    """The id in "Ok: queued as ID"."""
    found = re.search(r"queued as (\S+)", reply.text if isinstance(reply, Reply) else str(reply))
    assert found, "no id in %r" % reply
    return found.group(1)
