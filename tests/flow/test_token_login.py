"""Clients that log in with a token: whose it is decides, the issuer's keys are fetched once, and what is wrong is said as RFC 7628 wants it."""
import base64
import json

import pytest

from lib.client import Client
from lib.issuer import Issuer
from lib.waiting import wait_for


@pytest.fixture
def issuer(certificates, tmp_path):
    server = Issuer(certificates.pair("hop"), tmp_path)
    yield server
    server.close()


@pytest.fixture
def gate(new_gateway, new_sink, certificates, issuer):
    def make(**options):
        gateway = new_gateway()
        gateway.relay("out", new_sink()).module("60-routing", "routing", {"default": ["out"]})
        gateway.module("10-access", "access")
        gateway.module("21-auth-token", "auth-token", {"issuer": issuer.url, "audience": ["smtp"], "keys_url": issuer.url + "/keys",
                                                      "ca_file": certificates.ca, "timeout": "5s", **options})
        return gateway.start()
    return make


def bearer(token, user="crm@example.com"):
    return base64.b64encode(("n,a=%s,\1auth=Bearer %s\1\1" % (user, token)).encode()).decode()


def xoauth2(token, user="crm@example.com"):
    return base64.b64encode(("user=%s\1auth=Bearer %s\1\1" % (user, token)).encode()).decode()


def connect(gateway):
    return Client(gateway.clear_port, ehlo="client.example.com")


def test_a_token_logs_in_and_sends_as_its_user(gate, issuer):
    gateway = gate(domains_claim="domains")
    token = issuer.token(domains=["example.com"])
    for number, said in enumerate(("AUTH OAUTHBEARER " + bearer(token), "AUTH XOAUTH2 " + xoauth2(token))):
        with connect(gateway) as client:
            offered = next(line for line in client.features if line.startswith("AUTH")).split()[1:]
            assert "OAUTHBEARER" in offered and "XOAUTH2" in offered and "PLAIN" not in offered
            client.say(said, 235)
            client.envelope("a@example.com", "b%d@one.example" % number)
    assert gateway.log("login")[0]["login"] == "crm@example.com" and issuer.http.count("/keys") == 1
    assert token not in gateway.log_text()


def test_what_is_wrong_is_said_and_then_refused(gate, issuer):
    gateway = gate(scope="smtp.send")
    cases = [(issuer.token(scp="smtp.send", exp=1), "invalid_token"), (issuer.token(), "insufficient_scope"),
             (issuer.token(scp="smtp.send", iss="https://other.example"), "invalid_token"), ("garbage", "invalid_token")]
    for token, status in cases:
        with connect(gateway) as client:
            challenge = client.say("AUTH OAUTHBEARER " + bearer(token), 334)
            assert json.loads(base64.b64decode(challenge.text))["status"] == status
            client.say("AQ==", 535)
            client.say("NOOP", 250)  # and the session is in step
    with connect(gateway) as client:
        challenge = client.say("AUTH XOAUTH2 " + xoauth2(issuer.token()), 334)
        assert json.loads(base64.b64decode(challenge.text))["status"] == "401"
        client.say("", 535)
        client.say("AUTH XOAUTH2", 334)
        client.say("*", 501)
    wait_for(lambda: len(gateway.log("login-failed")) == 5)


def test_a_token_is_its_users_alone(gate, issuer):
    gateway = gate()
    with connect(gateway) as client:
        client.say("AUTH OAUTHBEARER " + bearer(issuer.token(), "boss@example.com"), 334)
        client.say("AQ==", 535)
        client.say("AUTH OAUTHBEARER " + base64.b64encode(("n,,\1auth=Bearer %s\1\1" % issuer.token()).encode()).decode(), 235)


def test_without_keys_a_login_is_put_off(gate, issuer):
    issuer.down = True
    gateway = gate()
    with connect(gateway) as client:
        client.say("AUTH OAUTHBEARER " + bearer(issuer.token()), 454)
    assert "0 of " + issuer.url in gateway.text("status")


def test_the_issuer_is_asked_about_a_token_that_is_no_jwt(gate, issuer):
    gateway = gate(keys_url="", introspection_url=issuer.url + "/introspect", client_id="gate", client_secret="env:HOME", user_claim="username")
    issuer.told["opaque"] = {"active": True, "username": "crm@example.com", "iss": issuer.url, "aud": "smtp"}
    for number in range(2):
        with connect(gateway) as client:
            client.say("AUTH OAUTHBEARER " + bearer("opaque"), 235)
            client.envelope("a@example.com", "b%d@one.example" % number)
    assert issuer.http.count("/introspect") == 1
    with connect(gateway) as client:
        client.say("AUTH XOAUTH2 " + xoauth2("taken-back"), 334)
        client.say("", 535)
        issuer.down = True
        client.say("AUTH XOAUTH2 " + xoauth2("another"), 454)
        client.say("AUTH XOAUTH2 " + xoauth2("opaque"), 235)
    assert not {"opaque", "taken-back"} & set(gateway.log_text().split())
