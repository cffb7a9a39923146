"""Which relay gets which mail, where it goes when that relay does not take it, and `gatewayctl explain`, which tells it without sending."""
import json
import os

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import ROOT
from lib.waiting import wait_for


def mail(sender="a@example.com", headers=(), body="hello"):
    return ("".join("%s\r\n" % line for line in ["From: <%s>" % sender, "Subject: x", *headers]) + "\r\n%s\r\n" % body).encode()


def hand_in(gateway, sender="a@example.com", rcpts=("b@example.net",), headers=()):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return client.message(mail(sender, headers), sender, *rcpts)


@pytest.fixture
def office(new_gateway, new_sink):
    """Relays by domain and type, each with a sink of its own."""
    gateway = open_relay(new_gateway())
    gateway.module("60-routing", "routing", {"default": ["origin"]})
    sinks = {name: new_sink() for name in ("mass", "flow", "wide", "origin")}
    gateway.relay("mass", sinks["mass"], file="51", domains=["example.com"], types=["mass"], fallback=["origin"])
    gateway.relay("flow", sinks["flow"], file="52", domains=["example.com"], types=["workflow"])
    gateway.relay("wide", sinks["wide"], file="53", domains=["*.example.org"])
    gateway.relay("origin", sinks["origin"], file="54")
    gateway.sinks = sinks
    return gateway


def explain(gateway, **asked):
    words = [word for key, value in asked.items() for word in ("--" + key.rstrip("_"), value)]
    return [(row["relay"], row["answer"], row["why"]) for row in gateway.ctl("explain", *words)["steps"]]


def answers(gateway, **asked):
    return [(relay, answer) for relay, answer, why in explain(gateway, **asked) if relay]


def test_explain_names_the_relay_and_why_not_the_others(office):
    office.start()
    steps = [(row["relay"], row["answer"], row["why"])
             for row in office.ctl("explain", "--from", "a@example.com", "--to", "b@example.net", "--type", "mass", "--all")["steps"]]
    assert ("", "rule", "mass mail from example.com, by rule: mass") in steps
    assert ("flow", "no candidate", "other types") in steps
    assert ("wide", "no candidate", "other domains") in steps
    assert ("origin", "no candidate", "no rule names it; it is in the fallback of mass") in steps
    assert ("mass", "takes it", "") in steps
    assert "goes to mass" in office.text("explain", "--from", "a@example.com", "--to", "b@example.net", "--type", "mass")
    assert not any(sink.messages for sink in office.sinks.values())
    assert office.queue() == []


def test_explain_shows_what_a_message_is_taken_for(office, tmp_path):
    with open(os.path.join(ROOT, "conf.d", "25-classify.conf")) as shipped:
        office.fragments["25-classify"] = shipped.read()
    office.start()
    eml = tmp_path / "m.eml"
    eml.write_text("From: Bob <b@example.com>\nSubject: =?utf-8?q?x?=\nList-Unsubscribe: <mailto:x@example.com>\n\nhello\n")
    steps = explain(office, from_="bounce@crm.example", to="b@example.net", eml=str(eml))
    assert any(answer == "type" and "mass" in why for relay, answer, why in steps), steps
    assert ("mass", "takes it", "") in steps


def test_a_relay_that_is_off_is_passed_over_and_named(office):
    office.fragments["51"]["relay"]["enabled"] = False
    office.start()
    assert ("mass", "passed over", "switched off") in explain(office, from_="a@example.com", to="b@example.net", type="mass")
    assert answers(office, from_="a@example.com", to="b@example.net", type="mass")[-1] == ("origin", "takes it")
    office.set(default_type="mass").restart()
    hand_in(office)
    office.sinks["origin"].wait_messages(1)


def test_message_explain_names_the_relays_that_were_passed_over_and_what_each_said(office, new_sink):
    office.set(default_type="mass").module("65-failover", "failover")
    busy = new_sink(script={"mail": "451 4.3.2 not now"})
    office.relay("mass", busy, file="51", domains=["example.com"], types=["mass"], fallback=["spare", "origin"])
    office.relay("spare", new_sink(), file="55", enabled=False).start()
    id = queue_id(hand_in(office))
    office.sinks["origin"].wait_messages(1)
    wait_for(lambda: office.log("done", id=id), 5, "the end in the log")
    told = [(row["event"], row["details"].get("relay"), row["what"]) for row in office.explain(id)]
    assert any(event == "deferred" and relay == "mass" and "not now" in what for event, relay, what in told), told
    assert any(event == "passed-over" and relay == "spare" and "switched off" in what for event, relay, what in told), told
    assert any(event == "delivered" and relay == "origin" for event, relay, what in told), told


@pytest.mark.parametrize("how", ["named anew", "removed"])
def test_mail_that_waits_for_a_relay_which_is_gone_takes_the_way_there_is_now(new_gateway, new_sink, how):
    gateway, sink, dead = open_relay(new_gateway()), new_sink(), new_sink()
    dead.stop()
    gateway.module("60-routing", "routing", {"default": ["local"], "no_route": "wait"})
    gateway.relay("old", dead, domains=["example.com"]).relay("local", dead).set(queue__retry=["1h"]).start()
    for _ in range(5):
        hand_in(gateway)
    wait_for(lambda: gateway.status()["queue"]["waiting"] == 5 and not gateway.status()["queue"]["active"], 10, "mail that waits")
    gateway.fragments["50-old"] = ""
    del gateway.fragments["50-old"]
    if how == "named anew":
        gateway.relay("new", sink, file="50-old", domains=["example.com"])
    else:
        gateway.relay("local", sink)
    gateway.write()
    gateway.text("reload")
    sink.wait_messages(5)
    gateway.wait_queue_empty()


def test_a_relay_more_changes_nothing_for_other_mail(office, new_sink):
    office.start()
    asked = [{"from_": "a@" + domain, "to": "b@example.net", "type": kind}
             for domain in ("example.com", "sub.example.org", "example.net") for kind in ("mass", "workflow", "individual")]
    def golden():
        return [json.dumps(explain(office, **what)) for what in asked]
    before = golden()
    office.relay("more", new_sink(), file="55", domains=["example.net"], types=["workflow"]).write()
    office.text("reload")
    after = golden()
    assert [nth for nth in range(len(asked)) if before[nth] != after[nth]] == [7], "only workflow mail of example.net"
