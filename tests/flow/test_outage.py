"""A relay that is down while mail for it piles up: nobody else notices, it costs next to nothing, and when the relay is back all of it goes out,
each message once, in turn from each client, over no more connections than the relay allows."""
import socket
import time
from collections import Counter

import pytest

from conftest import LONG
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.load import Process, smtp_source
from lib.sink import Act
from lib.waiting import wait_for

pytestmark = pytest.mark.heavy

MANY = 20000 if LONG else 5000
CONNECTIONS = 10


def mail(subject, sender):
    return b"From: <%s>\r\nSubject: %s\r\n\r\nhello\r\n" % (sender.encode(), subject.encode())


class BlackHole:
    """Connections are made (by the kernel) and never answered."""

    def __init__(self, port):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(1000)

    def end(self):
        self.sock.close()


class Refused:
    """Nobody listens."""

    def __init__(self, port):
        pass

    def end(self):
        pass


class Site:
    """Mail from dead.example goes to a relay that is down, all other to one that works. 127.0.0.1 is one client, 127.0.0.2 another."""

    def __init__(self, gateway, new_sink, kind, settings):
        self.gateway, self.new_sink, self.port = gateway, new_sink, free_port()
        self.down, self.live = kind(self.port), new_sink()
        domains = ["dead.example", "live.example"]
        clients = [{"name": "crm-%d" % nth, "networks": ["127.0.0.%d" % nth], "domains": domains} for nth in (1, 2)]
        gateway.module("40-access", "access", {"clients": clients}).module("60-routing", "routing", {"default": ["live"]})
        gateway.relay("dead", host="127.0.0.1", port=self.port, domains=["dead.example"], connections=CONNECTIONS)
        gateway.relay("live", self.live, domains=["live.example"])
        gateway.set(delivery__greeting="2s", **settings).start()

    def send(self, domain, subject="one", source="127.0.0.1"):
        sender = "a@" + domain
        with Client(self.gateway.clear_port, ehlo="client.example.com", source=source) as client:
            return queue_id(client.message(mail(subject, sender), sender))

    def pile_up(self, count):
        """That many messages for the relay that is down, to 1b@, 2b@, ...; they are put aside."""
        smtp_source(self.gateway.clear_port, count, sender="a@dead.example", numbered=True)
        self.wait_put_aside(count)

    def wait_put_aside(self, count):
        """All that does not fit into the ways to the relay waits in the queue."""
        def put_aside():
            queue = self.gateway.status()["queue"]
            return queue["waiting"] + queue["active"] == count and queue["active"] <= 600 and queue["in_memory"] <= 600
        wait_for(put_aside, 30, lambda: "the backlog to be put aside: %r" % self.gateway.status()["queue"])

    def comes_back(self, **how):
        self.down.end()
        return Back(self.new_sink(port=self.port, **how))


class Back:
    """The relay that was down; it counts how many connections it has at once, from the connection to QUIT."""

    def __init__(self, sink):
        self.sink, self.most = sink, 0
        sink.script["connect"] = self.connected

    def connected(self, session, line):
        self.most = max(self.most, sum("QUIT" not in other.commands for other in self.sink.open_sessions()))
        return "ok"

    def __getattr__(self, name):
        return getattr(self.sink, name)


@pytest.fixture
def site(new_gateway, new_sink):
    sites = []

    def make(kind=Refused, **settings):
        sites.append(Site(new_gateway(), new_sink, kind, settings))
        return sites[-1]
    yield make
    for site in sites:
        site.down.end()


def numbered(count):
    return Counter("%db@example.net" % (i + 1) for i in range(count))


def rcpts(sink):
    return Counter(rcpt for message in list(sink.messages) for rcpt in message.rcpts)


def subject_time(sink, subject):
    """When the message with that subject came; None: not yet."""
    return next((message.time for message in list(sink.messages) if message.header("Subject") == subject), None)


def position(sink, subject):
    """How many came before it."""
    return next(nth for nth, message in enumerate(list(sink.messages)) if message.header("Subject") == subject)


# --- a relay is down, and comes back ---

@pytest.mark.parametrize("kind", [Refused, BlackHole], ids=["refused", "black hole"])
def test_an_outage(site, kind):
    here = site(kind)
    here.pile_up(MANY)

    # Mail for others does not wait for the relay that is down: it stays down until all of that has come.
    for i in range(20):
        here.send("live.example", "other %d" % i)
        here.live.wait(lambda: subject_time(here.live, "other %d" % i), 20, "mail for another relay")

    # It costs next to nothing.
    process = Process(here.gateway).mark()
    time.sleep(3)  # the time over which it might work
    assert process.used() < 0.3, "%.2f s of CPU in 3 s" % process.used()

    # Back again, it gets everything, once, over its connections.
    back = here.comes_back()
    back.wait_messages(MANY, 60 if LONG else 40)
    here.gateway.wait_queue_empty()
    assert rcpts(back) == numbered(MANY)
    assert back.most <= CONNECTIONS
    assert len(here.live.messages) == 20


def test_a_memory_of_the_backlog_is_small(site):
    """What waits is an entry of the queue, not a message."""
    here = site()
    here.pile_up(500)
    process = Process(here.gateway).mark()
    smtp_source(here.gateway.clear_port, MANY, sender="a@dead.example", size=10000)
    here.wait_put_aside(MANY + 500)
    assert process.grown() * 1024 / MANY < 4096, "%d KiB for %d messages" % (process.grown(), MANY)


def test_the_other_relay_takes_over_where_there_is_one(site):
    """Mail with a fallback does not wait for a relay that is known to be down."""
    here = site()
    here.gateway.fragments["50-dead"]["relay"]["fallback"] = ["live"]
    here.gateway.restart()
    smtp_source(here.gateway.clear_port, 500, sender="a@dead.example", numbered=True)
    here.live.wait_messages(500, 20)
    here.gateway.wait_queue_empty()
    assert rcpts(here.live) == numbered(500)


# --- whose turn it is ---

def slow_relay():
    """About 500 messages a second over ten connections."""
    return {"dot": Act("250 2.0.0 kept", delay=0.02)}


def test_a_single_message_does_not_wait_behind_thousands_of_another_client(site):
    here = site(queue__retry=["500ms"])
    here.pile_up(3000)
    here.send("dead.example", "single", source="127.0.0.2")
    here.wait_put_aside(3001)
    back = here.comes_back(script=slow_relay())
    back.wait_messages(3001, 60)
    assert position(back, "single") < 1500, "it waited behind half of the other client's"
    assert rcpts(back) == numbered(3000) + Counter(["b@example.net"])


def test_a_message_that_comes_while_the_backlog_goes_out_has_its_turn_soon(site):
    here = site(queue__retry=["500ms"])
    here.pile_up(3000)
    back = here.comes_back(script=slow_relay())
    back.wait_messages(300, 30)
    here.send("dead.example", "late", source="127.0.0.2")
    before = len(back.messages)  # that came before the gateway had it, at most
    back.wait_messages(3001, 60)
    assert position(back, "late") < before + 1000, "it waited behind the other client's"


# --- what an administrator asks for ---

def test_a_retry_that_is_asked_for_is_made_though_the_relay_is_known_to_be_down(site):
    here = site(queue__retry=["1h"])
    here.pile_up(200)
    for row in here.gateway.queue()[-3:]:
        before = len(here.gateway.log("deferred", id=row["id"]))
        here.gateway.ctl("queue", "retry", row["id"])
        here.gateway.wait_log("deferred", 2, before + 1, id=row["id"])


def test_a_retry_finds_out_that_the_relay_is_back(site):
    """The next probe is seconds away; what is asked for goes at once, and the rest follows."""
    here = site(queue__retry=["1h"])
    here.pile_up(200)
    back = here.comes_back()
    here.gateway.ctl("queue", "retry", here.gateway.queue()[-1]["id"])
    back.wait_messages(200, 30)
    assert rcpts(back) == numbered(200)


# --- time passes ---

def test_what_is_put_aside_is_warned_of_and_expires(site):
    here = site(queue__delay_warning="1500ms", queue__expire="6s")
    began = time.monotonic()
    here.pile_up(50)
    here.live.wait_messages(50, 20)  # the warnings; reports go the default way
    assert time.monotonic() - began > 1.4
    here.live.wait_messages(100, 30)
    assert time.monotonic() - began > 5.9
    here.gateway.wait_queue_empty()
    assert Counter(action for message in here.live.messages for action in ("delayed", "failed")
                   if "Action: " + action in message.data.decode("latin-1")) == {"delayed": 50, "failed": 50}
    assert {rcpt for message in here.live.messages for rcpt in message.rcpts} == {"a@dead.example"}


def test_a_restart_forgets_nothing_that_was_put_aside(site):
    here = site(queue__retry=["2s"])
    here.pile_up(1000)
    assert here.gateway.stop() == 0
    back = here.comes_back()
    here.gateway.start()
    back.wait_messages(1000, 20)
    here.gateway.wait_queue_empty()
    assert rcpts(back) == numbered(1000)


def test_a_restart_while_it_is_still_down_delivers_it_later(site):
    here = site(BlackHole, queue__retry=["500ms"])
    here.pile_up(1000)
    here.gateway.kill()
    here.gateway.start()
    here.wait_put_aside(1000)
    back = here.comes_back()
    back.wait_messages(1000, 40)
    here.gateway.wait_queue_empty()
    assert rcpts(back) == numbered(1000)
    assert back.most <= CONNECTIONS
