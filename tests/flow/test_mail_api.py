"""Relays that are HTTP APIs: mail goes to whom it is for and nobody else, once, with a token that is asked for once; what the API says is what
a next hop said, and where it says nothing no other relay has the mail."""
import os
import threading

import pytest

from lib.client import Client
from lib.mail_api import MailApi, graph_error
from lib.oauth_server import OAuthServer, token_text
from lib.waiting import wait_for

MAIL = b"From: relay@example.com\r\nTo: b@one.example\r\nSubject: by api\r\n\r\nhello\r\n"


@pytest.fixture
def tokens(certificates):
    server = OAuthServer(certificates.pair("hop"))
    yield server
    server.close()


@pytest.fixture
def api(certificates, tokens):
    server = MailApi(certificates.pair("hop"), tokens)
    yield server
    server.close()


class Desk:
    """A gateway whose first relay is an API, and maybe a second one that is a mail server."""

    def __init__(self, new_gateway, new_sink, api, tokens, ca, kind="graph", spare=True, put_token=False, options=None, **keys):
        self.api, self.tokens = api, tokens
        self.gateway = gateway = new_gateway()
        self.spare = new_sink()
        gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing", {"default": ["m365-api"] + (["spare"] if spare else [])})
        gateway.module("22-auth-oauth", "auth-oauth", {"ca_file": ca, "timeout": "5s"})
        gateway.module("95-mail-api", "mail-api", {"ca_file": ca, **(options or {})})
        auth = tokens.relay_keys(grant="login" if put_token else "client_credentials")
        gateway.relay("m365-api", tls="starttls", api=kind, api_url=api.url, **auth, **keys)
        gateway.relay("spare", self.spare)
        gateway.set(queue__retry=["200ms"])
        if put_token:
            self.put_token()
        gateway.start()

    def put_token(self):
        """Somebody logged in two minutes ago, and nobody believes that token any more."""
        path = os.path.join(self.gateway.state, "oauth", "m365-api.token")
        self.tokens.refresh.add("SECRET-refresh-0")
        self.tokens.secrets.update({"SECRET-refresh-0", "SECRET-access-0"})
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
            out.write(token_text("SECRET-access-0", "SECRET-refresh-0"))

    def send(self, data=MAIL, rcpts=("b@one.example",), count=1):
        with Client(self.gateway.clear_port, ehlo="client.example.com") as client:
            for _ in range(count):
                client.message(data, "relay@example.com", *rcpts)

    def wait_mails(self, count):
        wait_for(lambda: len(self.api.mails) >= count)
        self.gateway.wait_queue_empty()
        assert len(self.api.mails) == count

    def keeps_secrets(self):
        everything = self.gateway.log_text() + self.gateway.text("status") + self.gateway.text("relay", "show", "m365-api")
        assert not [secret for secret in self.tokens.secrets if secret in everything]


@pytest.fixture
def desk(new_gateway, new_sink, api, tokens, certificates):
    return lambda **how: Desk(new_gateway, new_sink, api, tokens, certificates.ca, **how)


@pytest.mark.parametrize("kind", ["graph", "gmail"])
def test_mail_goes_to_the_recipients_with_one_token(desk, api, tokens, kind):
    office = desk(kind=kind)
    office.send(rcpts=("b@one.example", "blind@one.example"))
    office.send(count=15)
    office.wait_mails(16)
    assert tokens.asked() == 1 and {mail.mailbox for mail in api.mails} == {"relay@example.com"} and {mail.api for mail in api.mails} == {kind}
    first = next(mail for mail in api.mails if "Bcc" in mail.message)
    assert first.rcpts == ["b@one.example", "blind@one.example"] and first.message["To"] == "b@one.example"
    assert all(mail.data.endswith(MAIL) for mail in api.mails if mail is not first)
    assert not office.spare.messages and office.gateway.log("delivered", relay="m365-api")[0]["host"].startswith("127.0.0.1")
    shown = office.gateway.text("relay", "show", "m365-api")
    assert "bounces come back there" in shown
    office.keeps_secrets()


def test_a_token_that_is_not_taken_is_renewed_once(desk, api, tokens):
    office = desk(put_token=True)
    office.send(count=10)
    office.wait_mails(10)
    assert tokens.asked() == 1 and not office.spare.messages
    office.keeps_secrets()


@pytest.mark.heavy
def test_relay_test_says_what_the_api_says(desk, api):
    office = desk()
    said = office.gateway.run_ctl("relay", "test", "m365-api")
    assert said.code == 0 and "all is well" in said.out and not api.mails, said.out
    api.answers = [graph_error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")]
    said = office.gateway.run_ctl("relay", "test", "m365-api")
    assert said.code != 0 and "Access is denied" in said.out, said.out
    office.keeps_secrets()


def test_after_a_lost_answer_only_the_same_relay_is_asked(desk, api):
    office = desk()
    api.answers = [lambda request: None, graph_error(503, "ServiceUnavailable", "Busy."), graph_error(401, "InvalidAuthenticationToken", "No.")]
    office.send()
    office.wait_mails(1)
    assert not office.spare.messages and api.asked() >= 4
    assert office.gateway.log("unknown")[0]["fault"] == "unknown"


def test_a_stop_waits_for_an_answer_that_comes(desk, api):
    gate = threading.Event()
    office = desk()
    api.answers = [lambda request: gate.wait(30) and "as usual"]
    office.send()
    wait_for(lambda: api.asked() == 1)
    threading.Timer(0.5, gate.set).start()
    office.gateway.stop()
    assert len(api.mails) == 1 and office.gateway.log("delivered") and not office.gateway.log("unknown")
    office.gateway.start()
    office.gateway.wait_queue_empty()
    assert len(api.mails) == 1


@pytest.mark.heavy  # a stop waits 8 seconds
def test_a_stop_in_the_middle_is_a_lost_answer(desk, api):
    gate = threading.Event()
    office = desk()
    api.answers = [lambda request: gate.wait(30) and None]
    office.send()
    wait_for(lambda: api.asked() == 1)
    office.gateway.stop()
    assert office.gateway.log("unknown")
    gate.set()
    api.answers = [graph_error(503, "ServiceUnavailable", "Busy.")]
    office.gateway.start()
    office.wait_mails(1)
    assert not office.spare.messages


def test_what_the_api_cannot_carry_has_the_next_relay(desk, api):
    office = desk()
    large = b"From: relay@example.com\r\nTo: b@one.example\r\n\r\n" + (b"x" * 900 + b"\r\n") * 3600
    office.send(large)
    office.send(MAIL.replace(b"To: b@", b"To: c@two.example, b@"))
    office.spare.wait_messages(2)
    assert not api.mails and api.asked() == 0
    text = office.gateway.log_text()
    assert "octets, and Microsoft Graph takes" in text and "names c@two.example" in text


@pytest.mark.heavy
def test_without_another_relay_it_is_bounced_with_the_reason(desk, api):
    office = desk(spare=False)
    with Client(office.gateway.clear_port, ehlo="client.example.com") as client:
        client.message((b"x" * 900 + b"\r\n") * 3600, "relay@example.com", "b@one.example")
    bounced = wait_for(lambda: office.gateway.log("bounced"))[0]
    assert bounced["status"] == "5.3.4" and api.asked() == 0


@pytest.mark.heavy
def test_an_api_that_asks_for_a_pause_has_one_and_then_the_mail(desk, api):
    office = desk()
    api.answers = [graph_error(429, "ApplicationThrottled", "Slow down.", **{"Retry-After": "1"})]
    office.send()
    wait_for(lambda: api.asked() == 1)
    office.send(count=3)  # while it pauses: to nobody
    office.wait_mails(3 if office.spare.messages else 4)
    assert "Slow down" in office.gateway.log_text()


NONSENSE = {
    "garbage": lambda request: (200, {"Content-Length": "100", "Connection": "close"}, b"\x00\x01short"),
    "giant": lambda request: (500, {}, b"x" * (8 << 20)),
    "not json": lambda request: (500, {}, b"<html>"),
}


@pytest.mark.heavy
@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_does_no_harm(desk, api, kind):
    office = desk()
    before = office.gateway.rss()
    api.answers = [NONSENSE[kind]]
    office.send()
    wait_for(lambda: api.asked() >= 1)
    office.gateway.wait_queue_empty()
    assert office.gateway.rss() - before < 40 << 20
    assert office.gateway.alive()
