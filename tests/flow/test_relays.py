"""Relays as an admin meets them: presets of providers, bounds, and gatewayctl relay."""
import os

import pytest

from conftest import open_relay
from lib.gateway import ROOT
from lib.sink import DROP

SHIPPED = open(os.path.join(ROOT, "conf.d", "05-providers.conf")).read()


@pytest.fixture
def place(new_gateway):
    """A gateway that is only checked, with the shipped presets and modules."""
    gateway = new_gateway()
    gateway.fragments["05-providers"] = SHIPPED
    return gateway.module("20-auth-password", "auth-password", {"users": "STATE/users"}).module("60-routing", "routing")


# --- presets and bounds ---

@pytest.mark.parametrize("provider", ["gmail", "google-relay", "microsoft365", "outlook.com", "zoho-eu", "yahoo", "ses-eu-west-1", "sendgrid", "icloud"])
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
    "no mechanism in common": (dict(mechanisms="XOAUTH2"), (), 15, "auth", "mostly OAuth"),
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
    assert "no such relay" in gateway.run_ctl("relay", "test", "nobody").err
    assert "--to ADDRESS" in gateway.run_ctl("relay", "test", "all").err
    assert gateway.run_ctl("relay", "test", "all", "--to", "nobody").code == 64
