"""`gatewayctl explain` says what really happens: the reply where the client hears it, the relay that gets it, or that it waits."""
import base64
import os
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
        self.users = os.path.join(gateway.folder, "users")
        gateway.module("20-auth", "auth-password", {"users": self.users, "failures": 0})
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
        self.draw_clients(chance)
        self.gateway.module("60-routing", "routing", {"default": chance.sample(RELAYS, chance.choice((0, 0, 1, 2))),
                                                      "no_route": chance.choice(("reject", "reject", "wait"))})
        self.gateway.write()

    def draw_clients(self, chance):
        """Some are known by their network, some by their login, some by both; `senders` are the ways in which mail comes."""
        def words(most, kind):
            return {**({"domains": chance.sample(DOMAINS, chance.randint(1, most))} if most else {}), **({"type": chance.choice(TYPES)} if kind else {})}
        users = {"u%d" % nth: words(chance.randint(0, 2), chance.random() < 0.5) for nth in range(2)}
        with open(self.users, "w") as file:
            for nth, (name, user) in enumerate(users.items()):
                said = ["client=k%d" % nth, *("%s=%s" % (key, ",".join(value) if key == "domains" else value) for key, value in user.items())]
                said += [] if "domains" in user else ["domains=*"]
                file.write("%s:{PLAIN}secret::::::%s\n" % (name, " ".join(said)))
        os.chmod(self.users, 0o600)
        clients = [{"name": "c%d" % nth, "networks": ["127.0.0.%d" % (nth + 2)], **words(2, chance.random() < 0.5), "login": chance.random() < 0.5,
                    **({"logins": [chance.choice(list(users))]} if chance.random() < 0.5 else {})} for nth in range(chance.randint(1, 3))]
        self.gateway.module("12-access", "access", {"clients": clients, "sender": chance.choice(("any", "domains")), "from": chance.choice(("strict", "envelope")),
                                                    "logins": chance.random() < 0.7})
        bound = {login: client for client in reversed(clients) for login in client.get("logins", [])}
        self.senders = [Sender(client["name"], client["networks"][0], client.get("logins", ["u0"])[0] if client["login"] else None) for client in clients]
        self.senders += [Sender("k%s" % name[1:], bound[name]["networks"][0] if name in bound else "127.0.0.99", name) for name in users]
        for sender in self.senders:  # whose type goes before the listener's
            known = [client for client in clients if client["networks"] == [sender.address]] + ([users[sender.login]] if sender.login else [])
            sender.has_type = any("type" in it for it in known)
        anybody = chance.random() < 0.5
        self.gateway.probe(options={"rcpt.verdict": "accept" if anybody else "continue"})
        self.senders += [Sender(None, "127.0.0.1", None)] * 3 if anybody else []

    def is_settled(self):
        """A limit that is gone opens its relay within a second."""
        states = {row["name"]: row["state"] for row in self.gateway.ask("relay", "list")["rows"]}
        relays = [self.gateway.fragments["50-" + name]["relay"] for name in RELAYS]
        return all(states[relay["name"]] == "up" for relay in relays if relay["enabled"] and "daily_limit" not in relay)

    def mail(self, chance):
        self.number += 1
        sender, rcpt = "s@" + chance.choice(DOMAINS + ["other.example"]), "m%d@example.net" % self.number
        kind, how = chance.choice(TYPES), chance.choice(("listener", "field", "default"))
        field = "X-Mail-Type: %s\r\n" % kind if how == "field" else ""
        shown = sender if chance.random() < 0.7 else "s@" + chance.choice(DOMAINS)
        return Mail(sender, rcpt, kind, how, "From: <%s>\r\nSubject: x\r\n%s\r\nhello\r\n" % (shown, field), chance.choice(self.senders))


class Sender:
    """A client as explain is asked for it, and how it comes; without a name somebody whom nobody knows."""

    def __init__(self, name, address, login):
        self.name, self.address, self.login, self.has_type = name, address, login, False


class Mail:
    def __init__(self, sender, rcpt, kind, how, text, client):
        self.sender, self.rcpt, self.kind, self.how, self.text, self.client = sender, rcpt, kind, how, text, client

    def __repr__(self):
        return "%s mail by %s of %s from %s to %s" % (self.kind, self.how, vars(self.client), self.sender, self.rcpt)


def explained(gateway, mail):
    words = ["--from", mail.sender, "--to", mail.rcpt, "--eml", mail.text]
    words += ["--type", mail.kind] if mail.how == "listener" and not mail.client.has_type else []
    answer = gateway.ask("explain", *words, *(["--client", mail.client.name] if mail.client.name else []))
    assert answer["code"] == 0, answer
    return answer["text"]


def hand_in(office, mail):
    port = office.ports[mail.kind] if mail.how == "listener" else office.gateway.clear_port
    with Client(port, ehlo="client.example.com", source=mail.client.address) as client:
        if mail.client.login:
            client.say("AUTH PLAIN " + base64.b64encode(b"\0%s\0secret" % mail.client.login.encode()).decode(), 235)
        reply = client.say("MAIL FROM:<%s>" % mail.sender)
        if reply.code == 250:
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
    assert [row["relay"] for row in office.ctl(*ASKED)["steps"]] == ["", "mass"]
    told = {row["relay"]: (row["answer"], row["why"]) for row in office.ctl(*ASKED, "--all")["steps"]}
    assert told["other"] == ("no candidate", "other domains")
    assert told["spare"] == ("no candidate", "no rule names it; it is in the fallback of mass")
    assert told["last"] == ("no candidate", "no rule names it; it is in the on_limit of other, which does not get this mail")


def test_another_relay_leaves_the_answer_for_other_mail_as_it_was(office, new_sink):
    before = office.text(*ASKED)
    office.relay("more", new_sink(), file="49-more", domains=["example.net"]).write()
    office.text("reload")
    assert office.text(*ASKED) == before
    assert office.ctl(*ASKED)["verdict"] == "goes to mass" and "goes to mass" in before


def test_a_type_that_does_not_exist_is_said(office):
    answer = office.run_ctl(*ASKED[:-1], "masss")
    assert answer.code == 64 and 'no mail is of the type "masss"' in answer.err, (answer.out, answer.err)


@pytest.mark.parametrize("sender, rcpt", [("a", "b@example.net"), ("a@example.com", "b"), ("a@example.com", "")])
def test_an_address_that_is_none_is_said(office, sender, rcpt):
    answer = office.run_ctl("explain", "--from", sender, "--to", rcpt)
    assert answer.code == 64 and "is no address" in answer.err, (answer.out, answer.err)


def test_a_client_comes_with_what_is_known_of_it_now(office):
    users = os.path.join(office.folder, "users")
    office.module("12-access", "access", {"clients": [{"name": "crm", "networks": ["192.0.2.0/24"], "domains": ["example.com"], "type": "mass", "login": True}]})
    office.module("20-auth", "auth-password", {"users": users}).write()
    office.text("reload")
    asked = ("explain", "--from", "a@example.com", "--to", "b@example.net", "--client")
    assert office.ctl(*asked, "crm")["steps"][0]["why"] == "crm from 192.0.2.0, domains example.com, type mass"
    assert office.ctl(*asked, "shop")["steps"][0]["why"] == "no module knows a client shop: by its name alone"
    with open(users, "w") as file:
        file.write("anna:{PLAIN}secret::::::domains=example.com,example.net client=shop\n")
        os.fchmod(file.fileno(), 0o600)
    wait_for(lambda: office.ctl(*asked, "shop")["steps"][0]["why"] == "shop, logged in as anna, domains example.com example.net", 5,
             lambda: "the file of users is looked at: %r" % office.ctl(*asked, "shop")["steps"])
    assert office.ctl(*asked, "crm")["steps"][0]["why"] == "shop from 192.0.2.0, logged in as anna, domains example.com example.net, type mass"
