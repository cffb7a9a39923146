"""Clients that hand in messages over every cut and refusal, and remember what was acknowledged."""
import random
import re
import threading

from .client import Client, queue_id

RECEIVED = re.compile(rb"Received:[^\r]*\r\n(?:[ \t][^\r]*\r\n)+")


def without_received(data):
    """What the client handed in, as it arrived."""
    found = RECEIVED.match(data)
    assert found, data[:200]
    return data[found.end():]


class Crowd:
    """`clients` threads; each message is marked X-Crowd: PREFIX-CLIENT-NUMBER and some are larger than `big` octets. acknowledged: mark ->
    (queue id, text); unsure: those whose reply was lost; refused: replies that were no 250."""

    def __init__(self, gateway, clients=8, prefix="crowd", big=20000, per_session=20, most=None):
        self.gateway, self.prefix, self.big, self.per_session, self.most = gateway, prefix, big, per_session, most
        self.acknowledged, self.unsure, self.refused, self.cut = {}, {}, [], 0
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        return self.join()

    def join(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client hangs"
        return self

    def text(self, number, count):
        size = self.big if count % 7 == 3 else 200
        line = b"%d/%d " % (number, count) + b"." * (count % 70) + b"\r\n"
        return b"X-Crowd: %s-%d-%d\r\nFrom: crowd@example.com\r\n\r\n" % (self.prefix.encode(), number, count) + line * (size // len(line) + 1)

    def transact(self, client, text, sender):
        """The reply that ended the transaction, good or bad. In lock-step, pipelined, or in two chunks, as it comes."""
        ways = (self.in_lock_step, self.pipelined, self.in_chunks)
        return ways[len(text) % len(ways)](client, text, ["MAIL FROM:<%s>" % sender, "RCPT TO:<b@example.net>"])

    def in_lock_step(self, client, text, envelope):
        for line in envelope:
            reply = client.say(line)
            if reply.code != 250:
                client.say("RSET")
                return reply
        return client.text(re.sub(rb"(?m)^\.", b"..", text))

    def pipelined(self, client, text, envelope):
        client.send("".join(line + "\r\n" for line in envelope) + "DATA\r\n")
        replies = client.replies(3)
        if replies[-1].code != 354:
            client.say("RSET")
            return next(reply for reply in replies if reply.code != 250)
        client.send(re.sub(rb"(?m)^\.", b"..", text) + b".\r\n")
        return client.reply()

    def in_chunks(self, client, text, envelope):
        half = len(text) // 2
        client.send("".join(line + "\r\n" for line in envelope).encode() + b"BDAT %d\r\n" % half + text[:half] +
                    b"BDAT %d LAST\r\n" % (len(text) - half) + text[half:])
        replies = client.replies(4)
        bad = [reply for reply in replies if reply.code != 250]
        if bad:
            client.say("RSET")
        return bad[0] if bad else replies[-1]

    def send(self, client, number, count):
        text, mark = self.text(number, count), "%s-%d-%d" % (self.prefix, number, count)
        with self.lock:
            self.unsure[mark] = text
        reply = self.transact(client, text, "n%d@example.com" % number)
        with self.lock:
            if reply.code == 250:
                self.acknowledged[mark] = (queue_id(reply), text)
            else:
                self.refused.append(reply)
            del self.unsure[mark]

    def over(self, count):
        return self.stopping.is_set() or (self.most and count >= self.most)

    def run(self, number):
        """Goes on over cuts: a gateway that is away comes back."""
        count = 0
        while not self.over(count):
            try:
                with Client(self.gateway.clear_port, ehlo="crowd.example.com", timeout=30) as client:
                    for _ in range(self.per_session):
                        if self.over(count):
                            return
                        count += 1
                        self.send(client, number, count)
                    client.say("QUIT")
            except (OSError, EOFError, AssertionError):
                self.cut += 1
                self.stopping.wait(random.uniform(0, 0.02))

    @property
    def done(self):
        return len(self.acknowledged)


def arrived(sink):
    """Mark -> the texts that came, without the Received field."""
    found = {}
    for message in list(sink.messages):
        mark = re.search(rb"\nX-Crowd: ([^\r]*)", message.data) if message.sender else None
        if mark:
            found.setdefault(mark.group(1).decode(), []).append(without_received(message.data))
    return found


def check_arrived(crowd, sink):
    """Every acknowledged message is there, as it was. Gives the number of those that came twice."""
    found = arrived(sink)
    missing = [mark for mark in crowd.acknowledged if mark not in found]
    assert not missing, "%d of %d acknowledged messages are lost: %r" % (len(missing), crowd.done,
                                                                       [(mark, crowd.acknowledged[mark][0]) for mark in missing[:5]])
    for mark, texts in found.items():
        meant = crowd.acknowledged[mark][1] if mark in crowd.acknowledged else crowd.unsure.get(mark)
        assert meant is None or all(text == meant for text in texts), "%s was altered" % mark
    return sum(len(texts) - 1 for texts in found.values())
