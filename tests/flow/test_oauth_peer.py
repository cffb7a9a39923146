"""Logins against an OAuth server that others wrote (oidc-provider): by device code and by page with PKCE, refresh tokens that rotate, revocation;
and its tokens at a listener of ours, JWTs by its keys and others by introspection. The next hop of the one gateway is the other."""
import json
import os
import subprocess
import urllib.error
import urllib.request

import pytest

from lib.browser import Browser, Elsewhere
from lib.client import Client
from lib.gateway import ROOT
from lib.npm import node
from lib.waiting import wait_for

MAIL = b"From: relay@example.com\r\nSubject: by token\r\n\r\nhello\r\n"


class Peer:
    def __init__(self, certificates):
        self.ca = certificates.ca
        self.process = node(os.path.join(ROOT, "tests", "npm", "oauth_server.js"), *certificates.pair("hop"), stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[1]

    def post(self, path, **form):
        """Status and JSON."""
        try:
            return 200, json.loads(Browser(self.ca).open(self.url + path, form)[1] or "null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def refresh(self, client, token):
        return self.post("/token", grant_type="refresh_token", refresh_token=token, client_id=client, client_secret="SECRET-" + client)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def peer(certificates):
    peer = Peer(certificates)
    yield peer
    peer.close()


@pytest.fixture
def door(new_gateway, new_sink, peer):
    """A gateway whose clients log in with that server's tokens."""
    gateway, sink = new_gateway(), new_sink()
    gateway.relay("out", sink).module("60-routing", "routing", {"default": ["out"]}).module("10-access", "access")
    gateway.module("21-auth-token", "auth-token", {"issuer": peer.url, "audience": ["smtp"], "keys_url": peer.url + "/jwks", "user_claim": "sub",
                                                  "scope": "smtp.send", "ca_file": peer.ca})
    gateway.module("22-auth-token", "auth-token", {"introspection_url": peer.url + "/token/introspection", "client_id": "gateway", "cache": "0s",
                                                       "client_secret": "SECRET-gateway", "user_claim": "sub", "scope": "smtp.send", "ca_file": peer.ca})
    gateway.sink = sink
    return gateway.start()


@pytest.fixture
def office(new_gateway, peer, door):
    """A gateway that logs in there."""
    gateway = new_gateway()
    gateway.probe(options={"rcpt.verdict": "accept"}).module("22-auth-oauth", "auth-oauth", {"ca_file": peer.ca})
    gateway.module("60-routing", "routing", {"default": ["app-1"]})
    for client in ("app-1", "app-2"):
        gateway.relay(client, host="127.0.0.1", port=door.clear_port, clear_login=True, auth={
            "method": "oauth", "user": "relay@example.com", "client_id": client, "client_secret": "SECRET-" + client, "scope": "smtp.send",
            "token_url": peer.url + "/token", "device_url": peer.url + "/device/auth", "authorize_url": peer.url + "/auth",
            "revoke_url": peer.url + "/token/revocation"})
    return gateway.start()


def log_in(office, *words):
    command = [os.path.join(office.build, "bin", "gatewayctl"), "--socket", office.socket_path, "oauth", "login", *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def token(office, relay):
    with open(os.path.join(office.state, "oauth", relay + ".token")) as file:
        return json.load(file)


def age(office, relay):
    """A token that is younger than a minute is not replaced: it is made older."""
    office.stop()
    path, text = os.path.join(office.state, "oauth", relay + ".token"), token(office, relay)
    with open(path, "w") as file:
        json.dump({**text, "got": text["got"] - 120000}, file)
    office.start()


def send(office, *rcpts):
    with Client(office.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL, "relay@example.com", *rcpts)


def log_in_by_device(office, peer):
    process = log_in(office, "app-1")
    words = process.stdout.readline().split()
    browser = Browser(peer.ca)
    page = browser.fill(browser.open(words[1]), user_code=words[words.index("code") + 1].strip(","))
    assert "Success" in browser.log_in(page, "relay@example.com")[1]
    said = process.communicate()[0]
    assert process.returncode == 0 and "There is a token" in said, said


def log_in_by_page(office, peer):
    process = log_in(office, "app-2", "page")
    said = ""
    while "\nhttps://" not in said:
        said += process.stdout.readline()
    browser = Browser(peer.ca)
    with pytest.raises(Elsewhere) as there:
        browser.log_in(browser.open(said.strip().splitlines()[-1]), "relay@example.com")
    assert urllib.request.urlopen(there.value.url, timeout=30).status == 200  # as the browser does
    said = process.communicate()[0]
    assert process.returncode == 0, said


@pytest.mark.heavy  # node takes seconds to start that server
def test_logins_tokens_and_their_end_at_a_server_that_others_wrote(office, door, peer):
    log_in_by_device(office, peer)
    send(office, "b@one.example")
    door.sink.wait_messages(1)
    assert token(office, "app-1")["access_token"].count(".") == 2  # a JWT, which the listener checks by the server's keys
    assert door.log("login")[-1]["login"] == "relay@example.com"

    office.module("60-routing", "routing", {"default": ["app-2"]}).write()
    assert office.run_ctl("reload").code == 0
    log_in_by_page(office, peer)
    send(office, "b@one.example")
    door.sink.wait_messages(2)
    first = token(office, "app-2")
    assert "." not in first["access_token"]  # the listener asks the server

    # taken back: the listener does not believe it any more, and the relay gets another, with another refresh token
    age(office, "app-2")
    assert peer.post("/token/revocation", token=first["access_token"], client_id="app-2", client_secret="SECRET-app-2")[0] == 200
    send(office, "c@one.example")
    door.sink.wait_messages(3)
    wait_for(lambda: token(office, "app-2")["refresh_token"] != first["refresh_token"])
    second = token(office, "app-2")
    assert second["access_token"] != first["access_token"]

    assert office.run_ctl("oauth", "logout", "app-2").code == 0
    wait_for(lambda: peer.refresh("app-2", second["refresh_token"])[1].get("error") == "invalid_grant")
    texts = office.log_text() + door.log_text() + office.text("oauth", "status")
    secrets = [value for each in (first, second) for value in (each["access_token"], each["refresh_token"])]
    assert not [secret for secret in secrets + ["SECRET-"] if secret in texts]
