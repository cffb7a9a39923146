"""Logins at next hops by OAuth tokens: fetched once for all, renewed when they are refused, and a person told when a login is needed."""
import os
import re
import subprocess
import threading

import pytest

from lib.client import Client
from lib.memory import found
from lib.oauth_server import OAuthServer, token_text
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: by token\r\n\r\nhello\r\n"


class Desk:
    """A gateway with a relay that logs in by token, and both ends of it."""

    def __init__(self, new_gateway, new_sink, server, json_first=False, mechanisms="XOAUTH2", options=None, before=None, spare=False, **keys):
        self.server = server
        self.sink = new_sink(users={"-": "-"}, mechanisms=mechanisms, script={"auth": server.smtp_auth(json_first)})
        self.gateway = gateway = new_gateway()
        relays = ["m365"] + (["spare"] if spare else [])
        gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing", {"default": relays})
        gateway.module("22-auth-oauth", "auth-oauth", {"ca_file": new_gateway.ca, "timeout": "5s", **(options or {})})
        gateway.relay("m365", self.sink, clear_login=True, **server.relay_keys(**keys))
        if spare:
            self.spare = new_sink()
            gateway.relay("spare", self.spare)
        if before:
            before(self)
        gateway.start()

    def token_path(self):
        return os.path.join(self.gateway.state, "oauth", "m365.token")

    def put_token(self, **how):
        """Somebody logged in before."""
        self.server.refresh.add("SECRET-refresh-0")
        self.server.secrets.update({"SECRET-refresh-0", "SECRET-access-0"})
        os.makedirs(os.path.dirname(self.token_path()), 0o700, exist_ok=True)
        with open(os.open(self.token_path(), os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
            out.write(token_text("SECRET-access-0", "SECRET-refresh-0", **how))

    def send(self, count=1):
        with Client(self.gateway.clear_port, ehlo="client.example.com") as client:
            for number in range(count):
                client.message(MAIL, "a@example.com", "b%d@one.example" % number)

    def keeps_secrets(self, *texts):
        everything = self.gateway.log_text() + "".join(texts) + self.gateway.text("oauth", "status") + self.gateway.text("status")
        for pid in (self.gateway.pid, self.gateway.serving_pid):
            with open("/proc/%d/cmdline" % pid) as file:
                everything += file.read()
        assert not [secret for secret in self.server.secrets if secret in everything]


@pytest.fixture
def server(certificates):
    server = OAuthServer(certificates.pair("hop"))
    yield server
    server.broken = None
    server.close()


@pytest.fixture
def desk(new_gateway, new_sink, server, certificates):
    new_gateway.ca = certificates.ca
    return lambda **how: Desk(new_gateway, new_sink, server, **how)


@pytest.mark.parametrize("mechanisms", ["LOGIN XOAUTH2", "OAUTHBEARER"])
def test_a_token_is_asked_for_once_however_much_mail_waits(desk, server, mechanisms):
    office = desk(grant="client_credentials", mechanisms=mechanisms)
    office.send(60)
    office.sink.wait_messages(60)
    assert server.asked() == 1 and {login[0] for login in office.sink.logins} == {mechanisms.split()[-1]}
    assert oct(os.stat(office.token_path()).st_mode & 0o777) == "0o600"
    office.keeps_secrets()


@pytest.mark.parametrize("json_first", [False, True], ids=["535", "334"])
def test_a_token_that_was_taken_back_is_replaced_and_nothing_is_lost(desk, server, json_first):
    office = desk(json_first=json_first, before=lambda office: office.put_token())
    office.send(30)  # all with a token that nobody takes
    office.sink.wait_messages(30)
    assert server.asked() == 1
    assert sorted(message.rcpts[0] for message in office.sink.messages) == sorted("b%d@one.example" % number for number in range(30))
    wait_for(lambda: "SECRET-refresh-1" in open(office.token_path()).read())
    office.gateway.restart()
    office.send(1)
    office.sink.wait_messages(31)
    assert server.asked() == 1  # what was kept is good
    office.keeps_secrets()


def test_a_revoked_login_is_told_once_and_the_next_relay_has_the_mail(desk, server):
    def before(office):
        office.put_token()
        server.refresh.clear()
    office = desk(options={"warn_to": ["admin@one.example"]}, before=before, spare=True)
    office.send(3)
    office.spare.wait_messages(4)  # the next relay of the route has it, and the warning
    assert not office.sink.messages and server.asked() == 1
    letter = [message for message in office.spare.messages if message.rcpts == ["admin@one.example"]]
    assert len(letter) == 1 and b"gatewayctl oauth login m365" in letter[0].data and b"invalid_grant" in letter[0].data
    serving = office.gateway.serving_pid
    said = office.gateway.run_ctl("relay", "test", "m365")
    assert said.code == 15 and office.gateway.serving_pid == serving, said.out
    status = office.gateway.text("oauth", "status")
    assert "needs login" in status and "gatewayctl oauth login m365" in status
    assert "needs login" in office.gateway.text("status")
    office.keeps_secrets(letter[0].data.decode())


def test_a_stop_waits_for_a_refresh_token_that_replaces_another(desk, server):
    gate = threading.Event()

    def slow(request):
        gate.wait(30)
        server.broken = None
        return server.answer(request)
    server.broken = slow
    office = desk(before=lambda office: office.put_token(life=100), options={"margin": "1h", "timeout": "20s"})
    wait_for(lambda: server.asked() == 1)
    threading.Timer(0.5, gate.set).start()
    office.gateway.stop()
    assert "SECRET-refresh-1" in open(office.token_path()).read()  # the old one is worth nothing any more


def log_in_by_device(office):
    command = [os.path.join(office.gateway.build, "bin", "gatewayctl"), "--socket", office.gateway.socket_path, "oauth", "login", "m365"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    first = process.stdout.readline()
    assert re.search(r"/go in a browser, type the code ABCD-\d", first), first
    office.server.type_code()
    rest = process.stdout.read()
    assert process.wait() == 0 and "There is a token" in rest and "m365" in rest, rest
    return first + rest


@pytest.mark.heavy
def test_mail_waits_for_a_login_where_there_is_no_other_relay(desk, server):
    office = desk()
    office.send(2)
    wait_for(lambda: "needs a login" in office.gateway.log_text())
    out = log_in_by_device(office)
    office.sink.wait_messages(2)  # by itself
    assert server.asked("/device") == 1 and "good" in office.gateway.text("oauth", "status")
    office.keeps_secrets(out)


@pytest.mark.heavy
def test_a_page_is_opened_and_its_address_pasted(desk, server):
    office = desk()
    command = [os.path.join(office.gateway.build, "bin", "gatewayctl"), "--socket", office.gateway.socket_path, "oauth", "login", "m365", "page"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = ""
    while "\nhttps://" not in said:
        said += process.stdout.readline()
    page = said.strip().splitlines()[-1]
    process.stdin.write(server.consent(page) + "\n")
    process.stdin.flush()
    rest = process.stdout.read()
    assert process.wait() == 0, rest
    office.send(1)
    office.sink.wait_messages(1)
    assert office.gateway.run_ctl("oauth", "logout", "m365").code == 0
    wait_for(lambda: server.revoked)
    assert not os.path.exists(office.token_path())
    office.keeps_secrets(rest)
    wait_for(lambda: "taken back" in office.gateway.log_text())
    tokens = [secret for secret in server.secrets if "access" in secret or "refresh" in secret]  # the code is used up, the client's is configured
    assert len(tokens) == 2 and not found(office.gateway.serving_pid, tokens)


def test_a_token_end_point_in_trouble_delays_nothing_while_there_is_a_token(desk, server):
    def before(office):
        office.put_token(life=100)  # due for renewal, and good
        server.valid.add("SECRET-access-0")
        server.broken = lambda request: (503, {}, b"<html>down</html>")
    office = desk(before=before, options={"margin": "1h"})
    wait_for(lambda: server.asked() == 1)
    office.send(5)
    office.sink.wait_messages(5)
    assert server.asked() <= 1
    office.keeps_secrets()


WRONG = {
    "garbage": lambda request: (200, {}, b"\x00\x01 not json"),
    "closes": lambda request: None,
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_end_point_that_answers_nonsense_is_trouble_and_no_harm(desk, server, kind):
    server.broken = WRONG[kind]
    office = desk(grant="client_credentials", spare=True)
    office.send(1)
    office.spare.wait_messages(1)
    assert server.asked() == 1 and "no token for now" in office.gateway.text("oauth", "status")


def test_a_relay_that_wants_tokens_says_which_module_fetches_them(new_gateway, server):
    gateway = new_gateway().module("22-auth-oauth.conf.off", "auth-oauth").relay("m365", host="127.0.0.1", clear_login=True, **server.relay_keys())
    gateway.write()
    answer = gateway.check()
    assert answer.code == 78 and "belongs to auth-oauth, which is not on" in answer.err and "22-auth-oauth.conf.off" in answer.err, answer.err
