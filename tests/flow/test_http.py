"""Requests of modules to servers on the web: answered on the worker that asked, over a reload too, and blocking nobody."""
import threading

import pytest

from lib.client import Client
from lib.https import HttpsServer
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: web\r\n\r\nhello\r\n"


@pytest.fixture
def web(certificates):
    servers = []

    def make(answer, pair="hop"):
        servers.append(HttpsServer(certificates.pair(pair), answer))
        return servers[-1]
    yield make
    for server in servers:
        server.close()


def said(gateway, first=""):
    return [line["text"] for line in gateway.log("turns") if line["text"].startswith(first)]


@pytest.fixture
def asking(new_gateway, new_sink, certificates):
    def make(server, ca=None, **more):
        gateway = new_gateway()
        gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing", {"default": ["out"]}).relay("out", new_sink())
        return gateway.module("45-turns", "turns", {"url": server.url + "/x", "ca": ca or certificates.ca, **more}).start()
    return make


def test_each_worker_is_told_its_answer(web, asking):
    server = web(lambda request: (200, {}, b"well"))
    gateway = asking(server)
    wait_for(lambda: len(said(gateway, "asked 200 well first")) == 2)
    assert {line.split()[-1] for line in said(gateway, "asked")} == {"1", "2"} and server.count("/x") == 2


def test_a_certificate_that_nobody_vouches_for_is_no_server(web, asking):
    server = web(lambda request: (200, {}, b"well"), "selfsigned")
    gateway = asking(server)
    wait_for(lambda: len(said(gateway, "asked 0 SSL certificate problem")) == 2)
    assert server.count() == 0


def test_who_waits_for_the_web_keeps_nobody_waiting_and_its_instance(web, asking):
    gate = threading.Event()
    server = web(lambda request: gate.wait(30) and (200, {}, b"late"))
    gateway = asking(server)
    wait_for(lambda: server.count("/x") == 2)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL, "a@example.com", "b@one.example")
    gateway.module("45-turns", "turns", {"name": "second"}).write()
    assert gateway.run_ctl("reload").code == 0
    wait_for(lambda: len(said(gateway, "worker_start second")) == 2)
    assert not said(gateway, "worker_stop first")
    gate.set()
    wait_for(lambda: len(said(gateway, "stop first")) == 1)
    own = [line.rsplit(" ", 1)[0] for line in said(gateway)]
    told = [i for i, line in enumerate(own) if line == "asked 200 late first"]
    assert len(told) == 2 and own.index("worker_stop first") > told[-1], own


def test_who_asks_on_and_on_does_not_keep_what_was_replaced(web, asking):
    gate = threading.Event()
    server = web(lambda request: gate.wait(30) and (200, {}, b"more"))
    gateway = asking(server, again=True)
    wait_for(lambda: server.count("/x") == 2)
    gateway.module("45-turns", "turns", {"name": "second"}).write()
    assert gateway.run_ctl("reload").code == 0
    gate.set()
    wait_for(lambda: len(said(gateway, "stop first")) == 1)
    refused = [line for line in gateway.log("module-refused") if "another configuration" in line["reason"]]
    assert len(said(gateway, "asked 200 more first")) == 2 == len(refused)


def test_a_stop_gives_up_what_is_under_way(web, asking):
    gate = threading.Event()
    server = web(lambda request: gate.wait(30) and (200, {}, b"late"))
    gateway = asking(server)
    wait_for(lambda: server.count("/x") == 2)
    gateway.stop()
    gate.set()
    assert not said(gateway, "asked") and [line.split()[0] for line in said(gateway)[-3:]] == ["worker_stop", "worker_stop", "stop"]
