#!/usr/bin/python3
"""A scripted SMTP server: a next hop that behaves as a test wants, and remembers every byte.

    sink = Sink(script={"rcpt": ["450 4.2.0 later", OK]}, extensions=["PIPELINING"])
    sink.wait_messages(1)

`script` maps a stage to what is done there. Stages: connect ehlo helo starttls auth auth-more mail rcpt data dot rset noop quit, and handshake
(before TLS begins). What is done is one of

    "250 2.1.5 fine"           a reply; more lines after "\\n"
    OK                         what a good server says
    DROP, RESET                the connection is closed, or reset, without a reply
    STALL                      nothing is said until sink.release(), then what a good server says
    Act(...)                   all of it: see there
    a list of these            one after the other, in the order of arrival over all connections; after the last: OK
    a function(session, line)  gives one of these

From the command line: sink.py --port 2525 --reply rcpt='450 later' --tls starttls --certificate FILE --save FOLDER"""
import argparse
import base64
import os
import re
import select
import socket
import ssl
import struct
import sys
import threading
import time

OK = "ok"


class Act:
    """A reply in all detail: `raw` octets instead of lines, a delay before, octet by octet, closing or resetting after it."""

    def __init__(self, reply=None, raw=None, delay=0.0, bytewise=0.0, close=False, reset=False, stall=False, accept=None):
        self.reply, self.raw, self.delay, self.bytewise = reply, raw, delay, bytewise
        self.close, self.reset, self.stall, self.accept = close, reset, stall, accept


DROP = Act(close=True)
RESET = Act(reset=True)
STALL = Act(OK, stall=True)


class Gone(Exception):
    """The connection is over."""


class Message:
    """What was accepted after a dot: the envelope, the text as meant (`data`) and as it came over the wire (`wire`, with the dot)."""

    def __init__(self, session, sender, params):
        self.session, self.sender, self.params = session, sender, params
        self.rcpts, self.rcpt_params = [], {}
        self.data, self.wire, self.accepted, self.answered, self.time = b"", b"", False, False, 0.0

    def header(self, name):
        return header_values(self.data, name)[0] if header_values(self.data, name) else None

    def __repr__(self):
        return "<Message from=%r to=%r %d octets>" % (self.sender, self.rcpts, len(self.data))


def header_values(data, name):
    head = re.split(rb"\r\n\r\n", data, maxsplit=1)[0] + b"\r\n"
    pattern = rb"(?im)^" + re.escape(name.encode()) + rb"[ \t]*:[ \t]*((?:[^\r\n]|\r\n[ \t])*)\r\n"
    return [value.decode("latin-1") for value in re.findall(pattern, head)]


class Session(threading.Thread):
    """One connection."""

    def __init__(self, sink, sock, number):
        super().__init__(daemon=True)
        self.sink, self.sock, self.number = sink, sock, number
        self.buffer, self.received = b"", b""
        self.commands, self.messages = [], []
        self.helo, self.esmtp, self.tls, self.user, self.message = None, False, None, None, None
        self.client_certificate, self.ended, self.opened = None, False, time.monotonic()

    # --- octets ---

    def is_left(self):
        """The peer has closed, also where its thread has not read that far."""
        try:
            poll = select.poll()
            poll.register(self.sock, select.POLLRDHUP)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True

    def more(self):
        try:
            got = self.sock.recv(65536)
        except (OSError, ValueError):
            got = b""
        if not got:
            raise Gone
        self.received += got
        self.buffer += got

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def text(self):
        """The message with its dot line."""
        while not self.buffer.startswith(b".\r\n") and b"\r\n.\r\n" not in self.buffer[max(0, self.seen - 4):]:
            self.seen = len(self.buffer)
            self.more()
        if self.buffer.startswith(b".\r\n"):
            end = 3
        else:
            end = self.buffer.index(b"\r\n.\r\n", max(0, self.seen - 4)) + 5
        wire, self.buffer, self.seen = self.buffer[:end], self.buffer[end:], 0
        return wire

    seen = 0

    def put(self, octets, bytewise=0.0):
        try:
            if not bytewise:
                self.sock.sendall(octets)
                return
            for i in range(len(octets)):
                self.sock.sendall(octets[i:i + 1])
                time.sleep(bytewise)
        except (OSError, ValueError):
            raise Gone

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    # --- replies ---

    def say(self, reply):
        lines = reply.split("\n")
        code = lines[0][:3]
        out = ""
        for i, text in enumerate(lines):
            text = text[4:] if text[:3] == code and text[3:4] in (" ", "-") else text
            out += "%s%s%s\r\n" % (code, " " if i == len(lines) - 1 else "-", text)
        return out.encode("latin-1")

    def do(self, stage, line, default, before=None):
        """Acts as the script says; gives the code that was said, None if none. `before(code)` comes before the other side can know of it."""
        act = self.sink.next_act(stage, self, line)
        if act == OK:
            act = default
        if isinstance(act, str):
            act = Act(act)
        if act.reply == OK:
            act = Act(default, None, act.delay, act.bytewise, act.close, act.reset, act.stall, act.accept)
        if act.stall:
            self.sink.released.wait()
        if act.delay:
            self.sink.stopping.wait(act.delay)
        octets = act.raw if act.raw is not None else self.say(act.reply) if act.reply is not None else b""
        code = act.accept if act.accept is not None else octets[:3].decode("latin-1") if not callable(octets) else ""
        if before and not (act.close or act.reset or callable(octets)):
            before(code)
        if callable(octets):
            for part in octets():
                self.put(part)
        elif octets:
            self.put(octets, act.bytewise)
        if act.reset:
            self.reset()
        if act.close:
            raise Gone
        return code

    def greeting_lines(self):
        offers = list(self.sink.extensions)
        if self.sink.tls == "starttls" and not self.tls:
            offers.append("STARTTLS")
        if self.sink.users and (self.tls or not self.sink.tls):
            offers.append("AUTH " + self.sink.mechanisms)
        return "\n".join(["250 " + self.sink.name] + offers)

    # --- TLS ---

    def start_tls(self):
        try:
            self.sock = self.sink.context.wrap_socket(self.sock, server_side=True)
        except (OSError, ssl.SSLError) as why:
            self.sink.tls_errors.append(str(why))
            raise Gone
        self.tls = self.sock.version()
        self.client_certificate = self.sock.getpeercert(binary_form=True)
        self.buffer, self.helo = b"", None

    # --- verbs ---

    def do_ehlo(self, line):
        self.message = None
        if self.do("ehlo", line, self.greeting_lines())[:1] == "2":
            self.helo, self.esmtp = line[5:], True

    def do_helo(self, line):
        self.message = None
        if self.do("helo", line, "250 " + self.sink.name)[:1] == "2":
            self.helo = line[5:]

    def do_starttls(self, line):
        if self.sink.tls != "starttls" or self.tls:
            self.put(b"502 5.5.1 no\r\n")
        elif self.do("starttls", line, "220 2.0.0 go ahead") == "220":
            self.start_tls()

    def ask(self, challenge):
        self.do("auth-more", "", "334 " + challenge)
        return base64.b64decode(self.line())

    def do_auth(self, line):
        words = line.split(" ")
        mechanism = words[1].upper()
        initial = base64.b64decode(words[2]) if len(words) > 2 else None
        if mechanism == "PLAIN":
            _, user, secret = (initial or self.ask("")).split(b"\0")
        elif mechanism == "LOGIN":
            user = initial or self.ask("VXNlcm5hbWU6")
            secret = self.ask("UGFzc3dvcmQ6")
        else:
            user, secret = mechanism.encode(), initial or b""
        good = self.sink.users.get(user.decode("latin-1")) == secret.decode("latin-1")
        self.sink.logins.append((mechanism, user.decode("latin-1"), secret.decode("latin-1"), good))
        if self.do("auth", line, "235 2.7.0 welcome" if good else "535 5.7.8 wrong") == "235":
            self.user = user.decode("latin-1")

    def path(self, line):
        match = re.match(r"(?i)(?:MAIL FROM|RCPT TO):\s*<([^>]*)>\s*(.*)$", line)
        if not match:
            return line, ""
        return match.group(1), match.group(2)

    def do_mail(self, line):
        sender, params = self.path(line)
        if self.sink.users and self.sink.require_login and not self.user:
            self.put(b"530 5.7.0 log in first\r\n")
        elif self.do("mail", line, "250 2.1.0 ok")[:1] == "2":
            self.message = Message(self, sender, params)

    def do_rcpt(self, line):
        rcpt, params = self.path(line)
        if not self.message:
            self.put(b"503 5.5.1 MAIL first\r\n")
        elif self.do("rcpt", line, "250 2.1.5 ok")[:1] == "2":
            self.message.rcpts.append(rcpt)
            self.message.rcpt_params[rcpt] = params

    def do_data(self, line):
        if not self.message or not self.message.rcpts:
            self.put(b"554 5.5.1 no recipients\r\n")
            return
        if self.do("data", line, "354 go on") != "354":
            return
        wire = self.text()
        message, self.message = self.message, None
        message.wire, message.data, message.time = wire, unstuffed(wire), time.monotonic()
        self.sink.add_text(message)
        try:
            self.take(message, self.do("dot", line, "250 2.0.0 kept as %d" % len(self.sink.messages), lambda code: self.take(message, code)))
        finally:
            message.answered = True
            self.sink.changed()

    def take(self, message, code):
        if message.accepted or code[:1] != "2":
            return
        message.accepted = True
        self.messages.append(message)
        self.sink.add_message(message)

    def do_rset(self, line):
        self.message = None
        self.do("rset", line, "250 2.0.0 ok")

    def do_noop(self, line):
        self.do("noop", line, "250 2.0.0 ok")

    def do_quit(self, line):
        self.do("quit", line, "221 2.0.0 bye")
        raise Gone

    def do_unknown(self, line):
        self.put(b"500 5.5.1 what?\r\n")

    def serve(self):
        if self.sink.tls == "implicit":
            self.start_tls()
        if self.do("connect", "", "220 %s ESMTP sink" % self.sink.name)[:1] != "2":
            return
        while True:
            line = self.line().decode("latin-1")
            self.commands.append(line)
            self.sink.changed()
            verb = line.split(" ", 1)[0].lower()
            getattr(self, "do_" + verb if verb.isalpha() else "do_unknown", self.do_unknown)(line)

    def run(self):
        try:
            self.serve()
        except Gone:
            pass
        finally:
            self.ended = True
            try:
                self.sock.close()
            except OSError:
                pass
            self.sink.changed()


def unstuffed(wire):
    text = wire[:-3]
    return re.sub(rb"(^|\r\n)\.", rb"\1", text)


class Sink:
    EXTENSIONS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN")

    def __init__(self, script=None, extensions=EXTENSIONS, tls=None, certificate=None, key=None, users=None, mechanisms="PLAIN LOGIN",
                 require_login=False, address="127.0.0.1", port=0, name="sink.example.net", client_ca=None, save=None, backlog=512):
        self.script = dict(script or {})
        self.extensions, self.tls, self.users, self.mechanisms = list(extensions), tls, users or {}, mechanisms
        self.require_login, self.name, self.save = require_login, name, save
        self.messages, self.texts, self.sessions, self.logins, self.tls_errors = [], [], [], [], []
        self.open_most = 0
        self.condition = threading.Condition()
        self.released, self.stopping = threading.Event(), threading.Event()
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate, key)
            if client_ca:
                self.context.verify_mode = ssl.CERT_OPTIONAL
                self.context.load_verify_locations(client_ca)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(backlog)
        self.address, self.port = self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, sock, len(self.sessions))
            self.sessions.append(session)
            self.open_most = max(self.open_most, sum(not session.is_left() for session in self.open_sessions()))
            session.start()

    def open_sessions(self):
        return [session for session in self.sessions if not session.ended]

    # --- the script ---

    def next_act(self, stage, session, line):
        with self.condition:
            act = self.script.get(stage, OK)
            if isinstance(act, list):
                act = act.pop(0) if act else OK
        return act(session, line) if callable(act) else act

    def release(self):
        self.released.set()

    # --- what came ---

    def changed(self):
        with self.condition:
            self.condition.notify_all()

    def add_text(self, message):
        with self.condition:
            self.texts.append(message)
            self.condition.notify_all()

    def add_message(self, message):
        with self.condition:
            self.messages.append(message)
            if self.save:
                with open(os.path.join(self.save, "%06d.eml" % len(self.messages)), "wb") as out:
                    out.write(message.data)
            self.condition.notify_all()

    def wait(self, condition, timeout=10.0, what="the sink"):
        patience = float(os.environ.get("FLOW_PATIENCE", "1"))
        with self.condition:
            if not self.condition.wait_for(condition, timeout * patience):
                raise AssertionError("waited %.1f s in vain for %s; messages %r" % (timeout, what, self.messages[-5:]))

    def wait_messages(self, count, timeout=10.0):
        """Who was told 250 finds its message counted; who waits here finds that 250 said."""
        self.wait(lambda: len(self.messages) >= count and all(message.answered for message in self.messages[:count]), timeout, "%d messages (have %d)" % (count, len(self.messages)))
        return self.messages

    def commands(self, verb):
        return [line for session in self.sessions for line in session.commands if line.upper().startswith(verb)]

    def stop(self):
        self.stopping.set()
        self.released.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for session in self.sessions:
            try:
                session.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--tls", choices=["starttls", "implicit"])
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--user", action="append", default=[], help="NAME:PASSWORD")
    parser.add_argument("--reply", action="append", default=[], help="STAGE=REPLY, as in rcpt='450 later'")
    parser.add_argument("--save", help="folder for what is accepted")
    words = parser.parse_args()
    sink = Sink(script=dict(reply.split("=", 1) for reply in words.reply), tls=words.tls, certificate=words.certificate, key=words.key,
                users=dict(user.split(":", 1) for user in words.user), address=words.address, port=words.port, save=words.save)
    print("listening on %s:%d" % (sink.address, sink.port), flush=True)
    shown = 0
    while True:
        sink.wait(lambda: len(sink.messages) > shown, 1e9)
        for message in sink.messages[shown:]:
            print(message, flush=True)
            shown += 1


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
