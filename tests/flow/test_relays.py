"""Relays as an admin meets them: presets of providers, bounds, and gatewayctl relay."""
import os

import pytest

from conftest import open_relay
from lib.gateway import ROOT
from lib.client import Client, queue_id
from lib.sink import DROP
from lib.terminal import on_terminal
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: relays\r\n\r\nhello\r\n"
SHIPPED = open(os.path.join(ROOT, "conf.d", "05-providers.conf")).read()


def send(gateway, octets=MAIL, sender="a@example.com", *rcpts):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(octets, sender, *rcpts))


@pytest.fixture
def place(new_gateway):
    """A gateway that is only checked, with the shipped presets and modules."""
    gateway = new_gateway()
    gateway.fragments["05-providers"] = SHIPPED
    return gateway.module("20-auth-password", "auth-password", {"users": "STATE/users"}).module("60-routing", "routing")


# --- presets and bounds ---

@pytest.mark.parametrize("provider", ["gmail", "google-relay", "microsoft365", "zoho-eu", "yahoo", "ses-eu-west-1", "sendgrid", "icloud"])
def test_a_provider_is_all_that_a_relay_need_say(place, provider):
    place.fragments["50-r"] = {"relay": {"name": "r", "domains": ["example.com"], "auth.provider": provider, "auth.user": "u", "auth.password": "p"}}
    answer = place.check()
    assert answer.code == 0 and "50-r.conf" not in answer.err, answer.err


WRONG = {
    "an unknown provider": (
        {"name": "r", "domains": ["example.com"], "auth.provider": "microsoft356", "auth.user": "u", "auth.password": "p"},
        '50-r.conf:3: error: there is no provider "microsoft356", did you mean "microsoft365"?'),
    "one that is in no list needs a host": (
        {"name": "r", "domains": ["example.com"], "auth.provider": "other", "auth.user": "u", "auth.password": "p"},
        "50-r.conf:1: error: relay r has no host"),
    "a sixth domain": (
        {"name": "r", "host": "mx.example", "domains": ["%d.example" % n for n in range(6)]},
        "50-r.conf:3: error: 5.example is one sender domain too many: limits.domains of the gateway is 5"),
    "a login in clear": (
        {"name": "r", "host": "mx.example", "tls": "none", "domains": ["example.com"], "auth.user": "u", "auth.password": "p"},
        "50-r.conf:3: error: relay r logs in over a link without TLS"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_relay_is_told_with_its_line(place, what):
    keys, expected = WRONG[what]
    place.fragments["50-r"] = {"relay": keys}
    answer = place.check()
    assert answer.code == 78 and expected in answer.err, answer.err


def test_a_sixth_relay_for_a_domain(place):
    for number in range(6):
        place.relay("r%d" % number, host="127.0.0.1", domains=["example.com"])
    answer = place.check()
    assert answer.code == 78 and "50-r5.conf:4: error: one relay too many for example.com" in answer.err, answer.err
    assert place.set(limits__relays_per_domain=0).check().code == 0


# --- gatewayctl relay test ---

LOGIN = {"auth__user": "crm@example.com", "auth__password": "right"}


@pytest.fixture
def tried(new_gateway, new_sink, certificates):
    """A maker of (answer as JSON, exit code, sink): `relay test out` against a sink."""
    def make(*words, relay=None, certificate="hop", login=True, **how):
        gateway = new_gateway()
        if how.get("tls"):
            how["certificate"], how["key"] = certificates.pair(certificate)
        sink = new_sink(users={"crm@example.com": "right"} if login else None, **how)
        keys = {"tls": "starttls" if how.get("tls") else "none", "host": "127.0.0.1", "port": sink.port, "ca": certificates.ca, **(LOGIN if login else {})}
        if not how.get("tls"):
            keys["clear_login"] = True
        open_relay(gateway, "out").module("20-auth-password", "auth-password").relay("out", **{**keys, **(relay or {})})
        gateway.fragments["05-providers"] = SHIPPED
        gateway.start()
        answer = gateway.run_ctl("--json", "relay", "test", "out", *words)
        return answer.json, answer.code, sink
    return make


def test_all_is_well(tried):
    told, code, sink = tried("--to", "x@example.net", tls="starttls")
    assert (told["code"], code, told["stage"]) == (0, 0, ""), told
    assert sink.logins == [("PLAIN", "crm@example.com", "right", True)]
    assert [command.split(" ")[0] for command in sink.sessions[0].commands] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RSET", "QUIT"]
    assert sink.commands("MAIL") == ["MAIL FROM:<crm@example.com>"] and sink.commands("RCPT") == ["RCPT TO:<x@example.net>"]
    assert sink.messages == []
    stages = [line["stage"] for line in told["lines"]]
    assert sorted(set(stages), key=stages.index) == ["resolve", "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "quit"]
    text = "\n".join(line["text"] for line in told["lines"])
    assert "AUTH PLAIN ***" in text and "TLSv1.3" in text and "the certificate is right" in text


def test_without_an_address_it_only_logs_in(tried):
    told, code, sink = tried()
    assert (told["code"], code) == (0, 0), told
    assert [command.split(" ")[0] for command in sink.sessions[0].commands] == ["EHLO", "AUTH", "QUIT"]


TO = ("--to", "x@example.net")
# what the sink does, what relay and words are, then: exit code, stage, part of the diagnosis
TRIALS = {
    "a wrong password": (dict(relay={"auth__password": "wrong"}), (), 15, "auth", "does not take this user and password"),
    "an app password is needed": (
        dict(script={"auth": "534 5.7.9 Application-specific password required"}), (), 15, "auth", "create an app password"),
    "basic login is off for the account": (
        dict(script={"auth": "535 5.7.139 Authentication unsuccessful, basic authentication is disabled"}), (), 15, "auth", "has switched off logins"),
    "basic login is off for good": (
        dict(script={"auth": "550 5.7.30 Basic authentication is not supported for Client Submission"}), (), 15, "auth", "has switched off logins"),
    "too many logins": (dict(script={"auth": "454 4.7.0 Too many login attempts"}), (), 15, "auth", "wait, then try again"),
    "no mechanism in common": (dict(mechanisms="XOAUTH2"), (), 15, "auth", "this gateway lacks"),
    "a mechanism that the relay leaves out": (dict(mechanisms="LOGIN", relay={"auth__mechanisms": ["PLAIN"]}), (), 15, "auth", "leaves out"),
    "TLS is wanted first": (
        dict(login=False, script={"mail": "530 5.7.0 Must issue a STARTTLS command first."}), TO, 16, "mail", "wants TLS before anything"),
    "a login is wanted": (dict(login=False, script={"mail": "530 5.7.0 Authentication required"}), TO, 16, "mail", "wants a login first"),
    "a sender that is not allowed": (
        dict(script={"mail": "550 5.7.60 SMTP; Client does not have permissions to send as this sender"}), TO, 16, "mail", "may not send as"),
    "relaying denied": (dict(script={"rcpt": "554 5.7.1 Relay access denied"}), TO, 17, "rcpt", "does not relay for us"),
    "nobody of that name": (dict(script={"rcpt": "550 5.1.1 no such user"}), TO, 17, "rcpt", "does not exist there"),
    "a greeting that sends us away": (dict(script={"connect": "554 5.7.1 blocked"}), (), 12, "greeting", "does not want to talk"),
    "no STARTTLS": (dict(relay={"tls": "starttls"}), (), 14, "tls", "offers no STARTTLS"),
    "a certificate of somebody else": (dict(tls="starttls", certificate="wrong"), (), 14, "tls", "is another host's"),
    "a certificate that has expired": (dict(tls="implicit", certificate="expired", relay={"tls": "implicit"}), (), 14, "tls", "has expired"),
    "a certificate that nobody signed": (dict(tls="starttls", certificate="selfsigned"), (), 14, "tls", "authority that this machine trusts"),
    "implicit TLS where there is none": (dict(relay={"tls": "implicit"}), (), 14, "tls", 'set tls = "starttls"'),
    "a closed port": (dict(relay={"port": 1}), (), 11, "connect", "Nothing listens there"),
    "a name that is none": (dict(relay={"host": "nowhere.invalid"}), (), 10, "resolve", "knows no address"),
    "hung up at EHLO": (dict(script={"ehlo": DROP}), (), 13, "ehlo", ""),
}


@pytest.mark.parametrize("what", TRIALS)
def test_what_is_wrong_is_found_and_named(tried, what):
    how, words, code, stage, part = TRIALS[what]
    told, exit_code, sink = tried(*words, **how)
    assert (exit_code, told["code"], told["stage"]) == (code, code, stage), told
    assert part in told["diagnosis"], told
    assert sink.messages == []


def test_the_providers_hint_is_told(tried):
    told, code, sink = tried(relay={"auth__provider": "gmail", "auth__password": "wrong"})
    assert code == 15 and "app password" in told["hint"]


def test_a_trial_is_not_held_against_the_relay_and_works_when_it_is_off(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink(script={"connect": ["421 4.3.2 not now"]})
    open_relay(gateway, "out").relay("out", sink, enabled=False).start()
    assert gateway.run_ctl("relay", "test", "out").code == 12
    good = gateway.run_ctl("relay", "test", "out")
    assert good.code == 0 and "all is well" in good.out and "EHLO relay.example.com" in good.out
    relay = next((relay for relay in gateway.status()["relays"] if relay["name"] == "out"), {"failed": 0, "connections": 0})
    assert (relay["failed"], relay["connections"]) == (0, 0)


def test_what_cannot_be_tried(new_gateway):
    gateway = new_gateway()
    open_relay(gateway, "all").relay("all", host="mx", tls="none").start()
    assert 'there is no relay "nobody"' in gateway.run_ctl("relay", "test", "nobody").err
    assert "--to ADDRESS" in gateway.run_ctl("relay", "test", "all").err
    assert gateway.run_ctl("relay", "test", "all", "--to", "nobody").code == 64


# --- relay list, show, off, on, resume ---

def row(gateway, name):
    return next(row for row in gateway.ctl("relay", "list") if row["name"] == name)


def test_the_list_tells_what_is_configured_and_what_happens(new_gateway, new_sink):
    gateway, good, bad = new_gateway(), new_sink(), new_sink(script={"mail": ["451 4.3.0 no disk"] * 9})
    open_relay(gateway, "good").module("90-maildir", "maildir")
    gateway.relay("good", good, domains=["example.com", "*.example.com"], types=["mass", "workflow"])
    gateway.relay("bad", bad, domains=["bad.example"]).relay("kept", maildir="STATE/mail").start()
    send(gateway, b"From: x@example.com\r\n\r\nhello\r\n")
    good.wait_messages(1)
    send(gateway, b"From: x@bad.example\r\n\r\nhello\r\n")
    wait_for(lambda: row(gateway, "bad")["last_error"], 5)
    told = row(gateway, "good")
    assert (told["domains"], told["types"], told["host"], told["tls"], told["auth"], told["state"]) == \
        ("example.com *.example.com", "mass workflow", "127.0.0.1", "none", "none", "up")
    assert told["last_success"] > "2026" and told["last_error"] == "" and told["connections"] <= 1
    assert row(gateway, "bad")["last_error"] == "mail: 451 no disk" and row(gateway, "bad")["last_success"] == ""
    assert row(gateway, "kept")["host"] == ""
    text = gateway.text("relay", "list")
    assert "LAST SUCCESS" in text and "mass workflow" in text
    shown, = gateway.ctl("relay", "show", "good")
    assert shown["file"].endswith("50-good.conf") and shown["port"] == good.port and shown["sent"] == 1
    assert "50-good.conf" in gateway.text("relay", "show", "good")


def test_a_name_that_is_none_is_told_with_the_nearest(new_gateway, new_sink):
    gateway = new_gateway()
    open_relay(gateway, "mass-eu").relay("mass-eu", new_sink()).start()
    for verb in ("show", "off", "on", "resume", "test"):
        answer = gateway.run_ctl("relay", verb, "mass-ue")
        assert answer.code == 69 and 'did you mean "mass-eu"?' in answer.err
        assert gateway.run_ctl("relay", verb).code == 64


def test_relay_alone_names_its_verbs(new_gateway):
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", host="127.0.0.1").start()
    answer = gateway.run_ctl("relay")
    assert answer.code == 64 and answer.err.startswith("relay list|show|")
    answer = gateway.run_ctl("relay", "lst")
    assert answer.code == 64 and 'did you mean "relay list"?' in answer.err
    assert 'there is no verb "rely"' in gateway.run_ctl("rely").err


def test_off_sends_mail_another_way_survives_a_restart_and_ends_with_on(new_gateway, new_sink):
    gateway, first, second = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "first", "second").relay("first", first).relay("second", second).start()
    assert "is off" in gateway.text("relay", "off", "first")
    assert row(gateway, "first")["state"].startswith("off: switched off by uid 0 at 20")
    send(gateway)
    second.wait_messages(1)
    gateway.restart()
    assert row(gateway, "first")["state"].startswith("off: ")
    gateway.ctl("reload")
    send(gateway)
    second.wait_messages(2)
    assert gateway.text("relay", "on", "first") == "first is on\n" and row(gateway, "first")["state"] == "up"
    send(gateway)
    first.wait_messages(1)
    gateway.restart()
    assert row(gateway, "first")["state"] == "up"
    assert len(first.messages) == 1 and len(second.messages) == 2


def test_mail_waits_for_a_relay_that_is_off_and_leaves_when_it_is_on(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink()
    open_relay(gateway, "out").relay("out", sink).start()
    gateway.ctl("relay", "off", "out")
    for _ in range(3):
        send(gateway)
    wait_for(lambda: gateway.status()["queue"]["waiting"] == 3, 5)
    assert sink.sessions == []
    gateway.ctl("relay", "on", "out")
    sink.wait_messages(3)
    gateway.wait_queue_empty()


def test_modules_say_what_was_used_today_and_resume_opens_what_was_suspended(new_gateway, new_sink):
    gateway, good, bad = new_gateway(), new_sink(), new_sink(script={"mail": lambda session, line: "451 4.3.0 no disk"})
    gateway.set(queue__retry=["10ms"])
    gateway.fragments["05-providers"] = SHIPPED
    open_relay(gateway, "good").module("65-failover", "failover").module("70-quota", "quota")
    gateway.relay("bad", bad, domains=["bad.example"], failures=3, failures_apart="0", daily_limit=7).relay("good", good, daily_limit=5).start()
    send(gateway)
    good.wait_messages(1)
    wait_for(lambda: row(gateway, "good")["today"] == "1/5", 5)
    for _ in range(3):  # a message is evidence once
        send(gateway, b"From: x@bad.example\r\n\r\nhello\r\n")
    wait_for(lambda: row(gateway, "bad")["state"].startswith("suspended until 00:00 UTC: 3 failures"), 10)
    shown, = gateway.ctl("relay", "show", "bad")
    assert shown["closed_by"] == "failover" and shown["modules"]["65-failover failures"].startswith("3 of 3")
    assert bad.messages == []
    del bad.script["mail"]
    assert gateway.text("relay", "resume", "bad") == "bad is open again\n"
    bad.wait_messages(3)
    wait_for(lambda: row(gateway, "bad")["state"] == "up" and row(gateway, "bad")["today"] == "3/7", 5)


def test_resume_of_one_that_is_not_suspended(new_gateway, new_sink):
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", new_sink()).start()
    assert "was not suspended" in gateway.text("relay", "resume", "out")


# --- relay add, rm; queue move ---

def config(gateway):
    """Name and text of each file in the folder, hidden ones too."""
    return {name: open(os.path.join(gateway.config, name)).read() for name in os.listdir(gateway.config)}


def test_a_relay_is_added_and_used_at_once(new_gateway, new_sink):
    gateway, old, new = new_gateway(), new_sink(), new_sink(users={"crm": "s3cret"})
    open_relay(gateway, "old").module("20-auth-password", "auth-password").relay("old", old).start()
    secret = os.path.join(gateway.folder, "password")
    with open(secret, "w") as out:
        out.write("s3cret\n")
    os.chmod(secret, 0o600)
    told = gateway.text("relay", "add", "mass-eu", "host=127.0.0.1", "port=%d" % new.port, "tls=none", "clear_login=true",
                        "domains=example.com,example.org", "types=individual", "auth.user=crm", "auth.password=file:" + secret)
    path = os.path.join(gateway.config, "50-relay-mass-eu.conf")
    assert "relay mass-eu is in use: " + path in told
    assert os.stat(path).st_mode & 0o777 == 0o644
    send(gateway)
    new.wait_messages(1)
    assert new.logins == [("PLAIN", "crm", "s3cret", True)] and old.messages == []
    assert row(gateway, "mass-eu")["domains"] == "example.com example.org"
    gateway.fragments["50-relay-mass-eu"] = open(path).read()
    gateway.restart()
    assert row(gateway, "mass-eu")["state"] == "up"


def test_a_password_on_the_command_line_is_in_no_log_and_in_a_private_file(new_gateway):
    gateway = new_gateway()
    open_relay(gateway, "out").module("20-auth-password", "auth-password").relay("out", host="127.0.0.1").start()
    gateway.text("relay", "add", "a", "host=127.0.0.1", "auth.user=crm", 'auth.password=very "secret')
    path = os.path.join(gateway.config, "50-relay-a.conf")
    assert os.stat(path).st_mode & 0o777 == 0o600 and 'password = "very \\"secret";' in open(path).read()
    bad = gateway.run_ctl("relay", "add", "b", "host=127.0.0.1", "port=0", "auth.user=crm", "auth.password=very secret")
    assert bad.code == 78 and "very" not in bad.err + gateway.log_text()
    assert gateway.log("control", command="relay add a host= auth.user= auth.password=")


REFUSED = {
    "a wrong number": (["host=127.0.0.1", "port=70000"], 'port=70000\n     ^ "port" is 70000, but must be from 1 to 65535'),
    "a wrong word": (["host=127.0.0.1", "tls=startls"], 'tls=startls\n    ^ "tls" is "startls", did you mean "starttls"?'),
    "a key that nobody has": (["host=127.0.0.1", "prt=25"], 'prt=25\n    ^ unknown key "prt", did you mean "port"?'),
    "a provider that is none": (["auth.provider=gmial"], 'auth.provider=gmial\n              ^ there is no provider "gmial", did you mean "gmail"?'),
    "no host": (["tls=none"], "new: relay new has no host"),
    "a fallback that is none": (["host=127.0.0.1", "fallback=nowhere"], "nowhere"),
    "no value": (["host"], '"host" is not of the form key=value'),
    "a key twice": (["port=25", "port=26"], '"port" is given twice'),
    "a domain too many": (["host=127.0.0.1", "domains=1.example,2.example,3.example,4.example,5.example,6.example"], "one sender domain too many"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_errors_changes_nothing(new_gateway, what):
    words, part = REFUSED[what]
    gateway = new_gateway()
    gateway.fragments["05-providers"] = SHIPPED
    open_relay(gateway, "out").relay("out", host="127.0.0.1").start()
    before = config(gateway)
    answer = gateway.run_ctl("relay", "add", "new", *words)
    assert answer.code == 78 and answer.err.startswith("nothing changed:\n") and part in answer.err, answer.err
    assert config(gateway) == before and [row["name"] for row in gateway.ctl("relay", "list")] == ["out"]


def test_names_that_are_taken_or_none(new_gateway):
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", host="127.0.0.1").start()
    for name, part in (("out", 'there is a relay "out" already, in '), ("../x", "is no name for a relay"), (".x", "is no name"), ("", "is no name")):
        answer = gateway.run_ctl("relay", "add", name, "host=127.0.0.1")
        assert answer.code in (64, 73) and part in answer.err
    assert gateway.run_ctl("relay", "add").code == 64 and gateway.run_ctl("relay", "add", "host=127.0.0.1").code == 64


@pytest.fixture
def crossing(new_gateway, new_sink):
    """Mail of example.com goes to `first`, all else to `second`; what `first` says is the maker's."""
    def make(count=3, **how):
        gateway, first, second = new_gateway(), new_sink(**how), new_sink()
        gateway.set(queue__retry=["1h"])
        open_relay(gateway, "second").relay("first", first, domains=["example.com"]).relay("second", second).start()
        ids = [send(gateway) for _ in range(count)]
        for id in ids:
            gateway.wait_log("later", id=id)
        return gateway, first, second, ids
    return make


def test_a_relay_without_mail_is_removed(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink()
    open_relay(gateway, "out").relay("out", sink).relay("old", sink, domains=["example.com"]).start()
    gateway.ctl("relay", "off", "old")
    before = config(gateway)["50-old.conf"]
    assert gateway.text("relay", "rm", "old") == "relay old is removed, a copy is 50-old.conf.removed\n"
    assert sorted(config(gateway)) == ["00-gateway.conf", "40-probe.conf", "50-old.conf.removed", "50-out.conf", "60-routing.conf"]
    assert config(gateway)["50-old.conf.removed"] == before
    gateway.text("relay", "add", "old", "host=127.0.0.1", "tls=none", "domains=example.com", "port=%d" % sink.port)
    assert row(gateway, "old")["state"] == "up"
    assert gateway.run_ctl("relay", "rm", "older").code == 69 and gateway.run_ctl("relay", "rm").code == 64
    assert gateway.run_ctl("relay", "rm", "old", "--bogus").code == 64


def test_a_fragment_that_was_written_by_hand_is_asked_about(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink()
    open_relay(gateway, "out").relay("out", sink).relay("old", sink, domains=["example.com"]).start()
    before = config(gateway)
    code, text = on_terminal(gateway, b"n\n", "relay", "rm", "old")
    assert code == 0 and "50-old.conf was written by hand" in text and config(gateway) == before
    gateway.text("relay", "add", "new", "host=127.0.0.1", "tls=none", "domains=example.org", "port=%d" % sink.port)
    for words in (("old", "--yes"), ("new",)):
        code, text = on_terminal(gateway, None, "relay", "rm", *words)
        assert code == 0 and "[y/N]" not in text
    assert sorted(config(gateway)) == ["00-gateway.conf", "40-probe.conf", "50-old.conf.removed", "50-out.conf", "50-relay-new.conf.removed", "60-routing.conf"]


def test_one_that_others_name_is_kept(new_gateway):
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", host="127.0.0.1", fallback=["spare"]).relay("spare", host="127.0.0.1").start()
    before = config(gateway)
    answer = gateway.run_ctl("relay", "rm", "spare")
    assert answer.code == 78 and '50-out.conf:' in answer.err and "spare" in answer.err
    assert config(gateway) == before and len(gateway.ctl("relay", "list")) == 2


LATER = {"rcpt": lambda session, line: "450 4.2.0 later"}


@pytest.mark.parametrize("how", ["tried there", "parked for it"])
def test_it_is_kept_while_mail_waits_for_it(crossing, how):
    gateway, first, second, ids = crossing(script=LATER if how == "tried there" else {"connect": lambda session, line: "421 4.3.2 no"})
    before = config(gateway)
    answer = gateway.run_ctl("relay", "rm", "first")
    assert answer.code == 75 and "messages that wait for relay first: 3" in answer.err, answer.err
    assert config(gateway) == before
    assert gateway.run_ctl("relay", "rm", "first", "--move-to", "nowhere").code == 64
    assert gateway.run_ctl("relay", "rm", "first", "--move-to", "first").code == 64


def test_removed_with_requeue_its_mail_takes_another_way(crossing):
    gateway, first, second, ids = crossing(script=LATER)
    held = ids.pop()
    gateway.ctl("queue", "hold", held)
    assert "messages that take another way now: 3" in gateway.text("relay", "rm", "first", "--requeue")
    second.wait_messages(2)
    wait_for(lambda: [row["id"] for row in gateway.queue()] == [held], 10, "the held one alone in the queue")
    assert gateway.queue()[0]["state"] == "held"
    assert "50-first.conf" not in config(gateway) and len(config(gateway)) == 5


def test_removed_with_move_to_its_mail_takes_that_relay_over_a_restart(new_gateway, new_sink):
    gateway, first, other, third = new_gateway(), new_sink(script=LATER), new_sink(), new_sink(script={"connect": lambda session, line: "421 no"})
    gateway.set(queue__retry=["1h"])
    open_relay(gateway, "other").relay("first", first, domains=["example.com"]).relay("other", other).relay("third", third).start()
    gateway.ctl("relay", "off", "third")
    id = send(gateway)
    gateway.wait_log("later", id=id)
    assert "messages moved to third: 1" in gateway.text("relay", "rm", "first", "--move-to", "third")
    del gateway.fragments["50-first"]
    gateway.wait_log("later", id=id, count=2)
    gateway.restart()
    third.script.clear()
    gateway.ctl("relay", "on", "third")
    third.wait_messages(1)
    gateway.wait_queue_empty()
    assert other.messages == []


def test_a_message_is_moved(crossing):
    gateway, first, second, ids = crossing(script=LATER)
    assert "2 messages: moved to second" in gateway.text("queue", "move", ids[0], "--to", "second", ids[2])
    second.wait_messages(2)
    wait_for(lambda: [row["id"] for row in gateway.queue()] == [ids[1]], 10, "the other one alone in the queue")
    gone = gateway.run_ctl("queue", "move", ids[0], "--to", "second")
    assert gone.code == 69 and "not queued" in gone.err
    assert 'did you mean "second"?' in gateway.run_ctl("queue", "move", ids[1], "--to", "secnd").err
    for words in ((ids[1],), ("--to", "second"), ("nonsense", "--to", "second")):
        assert gateway.run_ctl("queue", "move", *words).code == 64


def test_two_relays_at_one_host_use_each_its_own_login(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink(users={"one": "first", "two": "second"})
    open_relay(gateway, "one").module("20-auth-password", "auth-password").relay("one", sink, clear_login=True, auth__user="one", auth__password="first").start()
    gateway.text("relay", "add", "two", "host=%s" % sink.address, "port=%d" % sink.port, "tls=none", "clear_login=yes", "domains=two.example",
                 "auth.user=two", "auth.password=second")
    for domain in ("one.example", "two.example"):
        send(gateway, b"From: x@%s\r\n\r\nhello\r\n" % domain.encode())
    sink.wait_messages(2)
    assert {(message.header("From"), message.session.user) for message in sink.messages} == {("x@one.example", "one"), ("x@two.example", "two")}
