"""Webhooks: each bounce is told once to who takes it, signed; a receiver that is dead keeps nobody waiting, and what is killed loses nothing."""
import hashlib
import http.client
import json
import socket
import threading

import pytest

from lib.client import Client
from lib.gateway import free_port
from lib.receiver import SECRET, Receiver, webhook
from lib.sink import Act
from lib.waiting import PATIENCE, wait_for

MAIL = b"From: a@example.com\r\nMessage-ID: <%d@example.com>\r\nSubject: x\r\n\r\nhi\r\n"


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()


def start(pair, webhooks, **options):
    return pair(script={"rcpt": Act("550 5.1.1 no such user")},
                before=lambda gateway: gateway.module("75-bounce", "bounce", {}).module(
                    "97-http", "http", {"webhooks": webhooks, "retry": "100ms", **options}))


def bounce(gateway, *names):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for name in names:
            client.message(MAIL % hash(name), "a@example.com", name + "@example.net")


def test_each_bounce_is_told_signed_and_once(pair, receiver):
    gateway, _ = start(pair, [webhook(receiver)])
    bounce(gateway, "one", "two", "three")
    wait_for(lambda: len(receiver.took) == 3, 15, "the events")
    assert receiver.recipients == ["one@example.net", "three@example.net", "two@example.net"]
    event = receiver.took[0]
    assert event["event"] == "bounce" and event["bounce"]["kind"] == "hard" and event["id"].startswith("evt_") and event["bounce_id"] == 1
    assert len({event["id"] for event in receiver.took}) == 3
    row, = gateway.ctl("http", "webhooks")
    assert row["state"] == "fine" and row["dead"] == 0
    gateway.text("reload")
    bounce(gateway, "four")
    wait_for(lambda: len(receiver.took) == 4, 15, "the event after a reload")
    assert SECRET not in gateway.log_text()


def test_what_is_killed_loses_nothing(pair, receiver):
    gateway, _ = start(pair, [webhook(receiver)])
    receiver.status = 503
    bounce(gateway, "one")
    wait_for(lambda: receiver.letters > 0, 15, "a first try")
    bounce(gateway, *("n%d" % i for i in range(20)))
    wait_for(lambda: gateway.ctl("bounce", "list", "limit=1")["newest"] == 21, 15, "the records")
    gateway.kill()
    receiver.status = 200
    gateway.start()
    wait_for(lambda: len({event["recipient"] for event in receiver.took}) == 21, 20, "all of them")
    assert len({event["id"] for event in receiver.took}) == 21


def test_a_reload_tries_at_once(pair, receiver):
    """Who has mended the receiver does not wait for the rest of an hour."""
    gateway, _ = start(pair, [webhook(receiver)], retry="1h")
    receiver.status = 503
    bounce(gateway, "one")
    wait_for(lambda: gateway.ctl("http", "webhooks")[0]["state"] == "fails", 15, "a first try")
    receiver.status = 200
    gateway.text("reload")
    wait_for(lambda: len(receiver.took) == 1, 15, "the event")


def test_a_dead_letter_is_shown_and_dropped_or_sent_again(pair, receiver):
    gateway, _ = start(pair, [webhook(receiver)], give_up="300ms")
    receiver.status, receiver.location = 307, receiver.url  # a redirect is not followed: it is a failure like others
    bounce(gateway, "one", "two", "three")
    wait_for(lambda: len(gateway.ctl("http", "dead", "list")) == 3, 20, "the dead letters")
    gateway.text("http", "dead", "drop", str(gateway.ctl("http", "dead", "list")[-1]["number"]))
    first = gateway.ctl("http", "dead", "list")[0]
    assert first["webhook"] == "crm" and first["why"] == "it says 307"
    shown = json.loads(gateway.text("http", "dead", "show", str(first["number"])))
    assert shown["event"] == "bounce" and shown["id"].startswith("evt_")
    assert gateway.run_ctl("http", "dead", "show", "77").code and gateway.run_ctl("http", "dead", "drop", "77").code
    assert "crm" in gateway.text("status")
    receiver.status = 200
    gateway.text("http", "dead", "resend", "all")
    wait_for(lambda: len(receiver.took) == 2, 20, "the letters")
    wait_for(lambda: gateway.ctl("http", "dead", "list") == [], 10, "no dead letters")
    assert shown["id"] in [event["id"] for event in receiver.took]


def test_a_private_address_is_refused_when_it_is_connected_to(pair, receiver):
    """A name that says nothing, and means this machine; beside it one that is fine."""
    port = receiver.server.server_port
    webhooks = [webhook(receiver), {**webhook(receiver), "name": "inside", "url": "https://ip6-localhost:%d/" % port, "allow_private": False}]
    gateway, _ = start(pair, webhooks)
    bounce(gateway, "one")
    wait_for(lambda: len(receiver.took) == 1, 15, "the event")
    wait_for(lambda: [row["state"] for row in gateway.ctl("http", "webhooks")] == ["fine", "fails"], 15, "the refusal")
    assert "private" in gateway.ctl("http", "webhooks")[1]["error"] or "resolve" in gateway.ctl("http", "webhooks")[1]["error"]


def test_a_reader_by_cursor_sees_each_once_while_they_come(pair, receiver):
    port, token = free_port(), "gw_reader"
    tokens = [{"name": "r", "hash": "sha256:" + hashlib.sha256(token.encode()).hexdigest()}]
    gateway, _ = start(pair, [], listen="127.0.0.1:%d" % port, tokens=tokens)

    def get(path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10 * PATIENCE)
        connection.request("GET", path, headers={"Authorization": "Bearer " + token})
        answer = connection.getresponse()
        octets = answer.read()
        connection.close()
        assert answer.status == 200, octets
        return json.loads(octets)

    def listens():
        try:
            return get("/v1/events")["items"] == []
        except OSError:
            return False
    wait_for(listens, 10, "the API")
    names = ["n%d" % i for i in range(60)]
    sender = threading.Thread(target=bounce, args=(gateway, *names))
    sender.start()
    seen = {"/v1/bounces": [], "/v1/events": []}
    cursors = dict.fromkeys(seen, 0)

    def poll():
        for path, found in seen.items():
            answer = get("%s?cursor=%d&limit=7%s" % (path, cursors[path], "&event=bounce"))
            found += [item["recipient"] for item in answer["items"]]
            cursors[path] = answer["next"]
        return all(len(found) >= 60 for found in seen.values())
    wait_for(poll, 30, lambda: "all of them: %r" % {path: len(found) for path, found in seen.items()})
    sender.join()
    for found in seen.values():
        assert sorted(found) == sorted(name + "@example.net" for name in names)


class Silent:
    """Takes connections and says nothing."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.url = "http://127.0.0.1:%d/" % self.socket.getsockname()[1]


def test_who_says_nothing_delays_no_mail_and_no_other(pair, receiver):
    silent = Silent()
    names = ["delivered", "accepted"]
    gateway, sink = pair(before=lambda gateway: gateway.module("97-http", "http", {
        "retry": "100ms", "webhooks": [{**webhook(silent), "name": "dead", "events": names, "timeout": "60s"}, webhook(receiver, events=names)]}))
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for nth in range(200):
            client.message(MAIL % nth, "a@example.com", "b@example.net")
    sink.wait_messages(200)
    wait_for(lambda: len(receiver.took) == 400, 15, "the events of all of them")
    assert len({event["id"] for event in receiver.took}) == 400
    assert {event["message"]["from"] for event in receiver.took} == {"a@example.com"}
    gateway.stop()  # a request that is on its way keeps nobody
    silent.socket.close()
