"""Five domains, five relays, three types of mail, limits, and a relay that fails now and then: each recipient is reached exactly once, by a relay
that the rules allow, the relays take exactly what a model says they take, and no limit is passed by one."""
import random
import threading
from collections import Counter

import pytest

from conftest import LONG, open_relay
from lib.client import Client
from lib.gateway import free_port
from lib.waiting import wait_for

pytestmark = pytest.mark.heavy

MANY = 100000 if LONG else 3000
DOMAINS = ["d%d.example" % n for n in range(1, 6)]
TYPES = ["individual", "workflow", "mass"]
FAILS = 13      # r3 refuses each message whose number is a multiple of it

# In this order mail only moves down, so that what each relay takes follows from how much comes to it, whatever the order in time.
RELAYS = {
    "r1": {"domains": DOMAINS[:2], "types": ["mass"], "share": 0.6, "on_limit": ["r4", "wait"]},
    "r2": {"domains": DOMAINS[:3], "types": ["workflow"], "share": 0.7, "on_limit": ["r5", "wait"]},
    "r3": {"domains": DOMAINS[2:], "types": ["mass"], "share": None, "fallback": ["r4", "wait"]},
    "r4": {"domains": DOMAINS[3:], "types": ["workflow", "individual"], "share": 0.8, "on_limit": ["r5", "wait"]},
    "r5": {"domains": DOMAINS[:3], "types": ["individual"], "share": 0.9, "on_limit": ["wait"]},
}


class Mail:
    """What is handed in follows from its number."""

    def __init__(self, number):
        chance = random.Random(number)
        self.number, self.domain, self.type = number, chance.choice(DOMAINS), chance.choice(TYPES)
        self.rcpts = ["%d-%d@example.net" % (number, nth) for nth in range(chance.choice((1, 1, 1, 1, 3)))]
        self.sender = "%d@%s" % (number, self.domain)

    def first_relay(self):
        return next(name for name, relay in RELAYS.items() if self.domain in relay["domains"] and self.type in relay["types"])

    def is_refused_by(self, name):
        return name == "r3" and self.number % FAILS == 0

    def may_come_to(self):
        """The relays that the rules allow, from first to last."""
        ways, seen = [self.first_relay()], []
        while ways:
            name = ways.pop(0)
            relay = RELAYS[name]
            if not self.is_refused_by(name):
                seen.append(name)
            for key in ["on_limit"] * (relay["share"] is not None) + ["fallback"] * self.is_refused_by(name):
                ways += [other for other in relay.get(key, []) if other in RELAYS]
        return seen


class Model:
    """How much each relay takes, its limit, and how many recipients are left waiting."""

    def __init__(self, mails):
        come, self.limit, self.taken, self.waiting = Counter(), {}, Counter(), 0
        for mail in mails:
            come[mail.first_relay()] += len(mail.rcpts)
        for name, relay in RELAYS.items():
            refused = sum(len(mail.rcpts) for mail in mails if mail.first_relay() == name and mail.is_refused_by(name))
            here = come[name] - refused
            self.limit[name] = None if relay["share"] is None else int(here * relay["share"])
            self.taken[name] = here if self.limit[name] is None else min(here, self.limit[name])
            self.move(come, relay.get("fallback"), refused)
            self.move(come, relay.get("on_limit"), here - self.taken[name])

    def move(self, come, names, count):
        if names and names[0] in RELAYS:
            come[names[0]] += count
        else:
            self.waiting += count


class Counted:
    """A sink's script: what arrives is counted by recipient, and nothing is kept."""

    def __init__(self, new_sink, refuses=lambda sender: False):
        self.rcpts, self.refused, self.refuses = Counter(), 0, refuses
        self.sink = new_sink(script={"mail": self.mail})
        self.sink.add_text = lambda message: None
        self.sink.add_message = lambda message: self.rcpts.update(message.rcpts)

    def mail(self, session, line):
        if not self.refuses(line):
            return "ok"
        self.refused += 1
        return "451 4.3.2 the system is busy"

    def total(self):
        return sum(self.rcpts.values())


def hand_in(port, mails):
    with Client(port, ehlo="client.example.com", timeout=60) as client:
        for mail in mails:
            text = "From: <%s>\r\nSubject: %d\r\n\r\nhello\r\n" % (mail.sender, mail.number)
            client.message(text.encode(), mail.sender, *mail.rcpts)


def hand_in_all(ports, mails):
    sessions = [(ports[kind], [mail for mail in mails if mail.type == kind and mail.number % 3 == part]) for kind in TYPES for part in range(3)]
    threads = [threading.Thread(target=hand_in, args=session, daemon=True) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 + MANY / 100)
        assert not thread.is_alive(), "a client hangs"


@pytest.fixture
def office(new_gateway, new_sink):
    mails = [Mail(number) for number in range(1, MANY + 1)]
    model = Model(mails)
    gateway = open_relay(new_gateway()).module("65-failover", "failover").module("70-quota", "quota")
    ports = {kind: free_port() for kind in TYPES}
    gateway.fragments["00-gateway"]["gateway"]["listeners"] += [
        {"address": "127.0.0.1", "port": port, "tls": "none", "clear_login": True, "type": kind} for kind, port in ports.items()]
    refuses = lambda line: int(line.split("<")[1].split("@")[0]) % FAILS == 0
    sinks = {name: Counted(new_sink, *([refuses] if name == "r3" else [])) for name in RELAYS}
    for nth, (name, relay) in enumerate(RELAYS.items()):
        keys = {key: value for key, value in relay.items() if key != "share"}
        if model.limit[name] is not None:
            keys["daily_limit"] = model.limit[name]
        gateway.relay(name, sinks[name].sink, file="5%d" % nth, failures=0, timezone="Europe/Berlin", connections=10, **keys)
    gateway.mails, gateway.model, gateway.ports, gateway.sinks = mails, model, ports, sinks
    return gateway.start()


def test_all_mail_ends_where_the_model_says(office):
    hand_in_all(office.ports, office.mails)
    sinks, model = office.sinks, office.model
    taken = lambda: {name: sink.total() for name, sink in sinks.items()}
    wait_for(lambda: taken() == dict(model.taken), 60 + MANY / 100, lambda: "what the model says: %r, is %r" % (dict(model.taken), taken()))

    arrived = sum((sink.rcpts for sink in sinks.values()), Counter())
    assert not [rcpt for rcpt, times in arrived.items() if times != 1], "each once"
    all_rcpts = sum(len(mail.rcpts) for mail in office.mails)
    assert all_rcpts - sum(arrived.values()) == model.waiting > 0, "the rest waits"
    for mail in office.mails:
        where = {name for name, sink in sinks.items() for rcpt in mail.rcpts if rcpt in sink.rcpts}
        assert where <= set(mail.may_come_to()), (mail.number, mail.domain, mail.type, where)
    assert sinks["r3"].refused > 0

    used = {row["scope"]: row["used"] for row in office.ask("quota")["rows"]}
    for name, limit in model.limit.items():
        if limit is not None:
            assert int(used["relay " + name]) == sinks[name].total() == limit
    assert office.counter("bounced") == 0
    office.kill_all()
    office.start()
    wait_for(lambda: not office.status()["queue"]["active"], 30, "the queue at rest after the restart")
    assert taken() == dict(model.taken), "also after a crash no limit is passed, and nothing comes twice"
