"""`gatewayctl explain` says what really happens: the reply where the client hears it, the relay that gets it, or that it waits."""
import random

import pytest

from conftest import LONG, open_relay
from lib.client import Client
from lib.gateway import free_port
from lib.waiting import wait_for

CONFIGURATIONS, MAILS = (100, 40) if LONG else (6, 34)
TYPES = ["individual", "workflow", "mass"]
DOMAINS = ["a.example", "b.example", "c.example"]
RELAYS = ["r0", "r1", "r2", "r3"]


class Office:
    """A gateway whose relays, rules, limits and states are drawn anew; all relays lead to one sink."""

    def __init__(self, gateway, sink):
        self.gateway, self.sink, self.number = open_relay(gateway), sink, 0
        self.ports = {kind: free_port() for kind in TYPES}
        gateway.fragments["00-gateway"]["gateway"]["listeners"] += [
            {"address": "127.0.0.1", "port": port, "tls": "none", "clear_login": True, "type": kind} for kind, port in self.ports.items()]
        gateway.set(queue__retry=["1h"], queue__delay_warning="0s", log__level="debug")
        gateway.module("25-classify", "classify", {"trust_header_from": ["*"]}).module("65-failover", "failover")

    def draw(self, chance):
        """What follows from this chance, as fragments. A relay names only those after it: no circles."""
        for nth, name in enumerate(RELAYS):
            keys = {"domains": chance.sample(DOMAINS, chance.randint(1, 3))} if chance.random() < 0.8 else {}
            if keys and chance.random() < 0.5:
                keys["types"] = chance.sample(TYPES, chance.randint(1, 2))
            for key in ("fallback", "on_limit"):
                later = chance.sample(RELAYS[nth + 1:], min(len(RELAYS) - nth - 1, chance.randint(0, 2)))
                keys[key] = later + chance.choice(([], [], ["wait"], ["refuse"]))
            keys["enabled"] = chance.random() < 0.7
            if chance.random() < 0.4:
                keys["daily_limit"] = 0
            self.gateway.relay(name, self.sink, failures=0, **{key: value for key, value in keys.items() if value != []})
        limits = [{"name": "l%d" % nth, "daily": chance.choice((0, 1000)), "on_limit": chance.choice(("wait", "refuse", "next")),
                   **({"type": chance.choice(TYPES)} if chance.random() < 0.9 else {})} for nth in range(chance.randint(0, 2))]
        self.gateway.module("70-quota", "quota", {"limits": limits} if limits else {})
        self.gateway.module("60-routing", "routing", {"default": chance.sample(RELAYS, chance.choice((0, 0, 1, 2))),
                                                      "no_route": chance.choice(("reject", "reject", "wait"))})
        self.gateway.write()

    def is_settled(self):
        """A limit that is gone opens its relay within a second."""
        states = {row["name"]: row["state"] for row in self.gateway.ask("relay", "list")["rows"]}
        relays = [self.gateway.fragments["50-" + name]["relay"] for name in RELAYS]
        return all(states[relay["name"]] == "up" for relay in relays if relay["enabled"] and "daily_limit" not in relay)

    def mail(self, chance):
        self.number += 1
        sender, rcpt = "s@" + chance.choice(DOMAINS + ["other.example"]), "m%d@example.net" % self.number
        kind, how = chance.choice(TYPES), chance.choice(("listener", "field", "default"))
        text = "From: <%s>\r\nSubject: x\r\n%s\r\nhello\r\n" % (sender, "X-Mail-Type: %s\r\n" % kind if how == "field" else "")
        return Mail(sender, rcpt, kind, how, text)


class Mail:
    def __init__(self, sender, rcpt, kind, how, text):
        self.sender, self.rcpt, self.kind, self.how, self.text = sender, rcpt, kind, how, text

    def __repr__(self):
        return "%s mail by %s from %s to %s" % (self.kind, self.how, self.sender, self.rcpt)


def explained(gateway, mail):
    words = ["--from", mail.sender, "--to", mail.rcpt, "--eml", mail.text]
    answer = gateway.ask("explain", *words, *(["--type", mail.kind] if mail.how == "listener" else []))
    assert answer["code"] == 0, answer
    return answer["text"]


def hand_in(office, mail):
    with Client(office.ports[mail.kind] if mail.how == "listener" else office.gateway.clear_port, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<%s>" % mail.sender, 250)
        reply = client.say("RCPT TO:<%s>" % mail.rcpt)
        if reply.code == 250:
            reply = client.text(mail.text.encode())
        return reply


def ends(gateway, ids):
    """By id, where each of these went, or that it waits, in the words of explain; None until all are known."""
    found = {}
    for line in gateway.log():
        if line.get("id") not in ids:
            continue
        if line["event"] == "delivered":
            found[line["id"]] = "goes to %s" % line["relay"]
        elif line["event"] == "bounced":
            found[line["id"]] = "given back: %s %s %s" % (line["code"], line["status"], line["text"])
        elif line["event"] in ("deferred", "parked"):
            found.setdefault(line["id"], "waits")
    return [found] if len(found) == len(ids) else None


@pytest.mark.parametrize("seed", [2])
def test_explain_says_what_happens(new_gateway, new_sink, seed):
    chance = random.Random(seed)
    office = Office(new_gateway(), new_sink())
    gateway, seen = office.gateway, set()
    for nth in range(CONFIGURATIONS):
        office.draw(chance)
        if nth == 0:
            gateway.start()
        else:
            assert gateway.ask("queue", "delete", "--all", "--yes")["code"] == 0
            answer = gateway.ask("reload")
            assert answer["code"] == 0, answer
        wait_for(office.is_settled, 5, lambda: "relays that are up: %r" % gateway.ask("relay", "list"))
        mails = [office.mail(chance) for _ in range(MAILS)]
        said = [explained(gateway, mail) for mail in mails]
        replies = [hand_in(office, mail) for mail in mails]
        ids = {reply.text.split()[-1] for reply in replies if reply.code == 250}
        ways, = wait_for(lambda: ends(gateway, ids), 15, lambda: "an end of each of %r:\n%s" % (ids, gateway.log_text()[-2000:]))
        for mail, text, reply in zip(mails, said, replies):
            real = ways[reply.text.split()[-1]] if reply.code == 250 else "refused: %d %s" % (reply.code, reply.text)
            seen.add(real.split()[0])
            assert text == real, (nth, mail, gateway.fragments)
    assert seen == {"goes", "waits", "refused:", "given"}


@pytest.fixture
def office(new_gateway, new_sink):
    gateway = open_relay(new_gateway(), "mass")
    gateway.relay("mass", new_sink(), domains=["example.com"], types=["mass"], fallback=["spare"]).relay("spare", new_sink())
    return gateway.relay("other", new_sink(), domains=["example.org"], on_limit=["last"]).relay("last", new_sink()).start()


ASKED = ("explain", "--from", "a@example.com", "--to", "b@example.net", "--type", "mass")


def test_what_is_no_candidate_is_told_only_where_all_is_asked_for(office):
    assert [row["relay"] for row in office.ctl(*ASKED)] == ["", "mass"]
    told = {row["relay"]: (row["answer"], row["why"]) for row in office.ctl(*ASKED, "--all")}
    assert told["other"] == ("no candidate", "other domains")
    assert told["spare"] == ("no candidate", "no rule names it; it is in the fallback of mass")
    assert told["last"] == ("no candidate", "no rule names it; it is in the on_limit of other, which does not get this mail")


def test_another_relay_leaves_the_answer_for_other_mail_as_it_was(office, new_sink):
    before = office.text(*ASKED)
    office.relay("more", new_sink(), file="49-more", domains=["example.net"]).write()
    office.text("reload")
    assert office.text(*ASKED) == before


def test_a_type_that_does_not_exist_is_said(office):
    answer = office.run_ctl(*ASKED[:-1], "masss")
    assert answer.code == 64 and 'no mail is of the type "masss"' in answer.err, (answer.out, answer.err)
