"""A report of ours is the last that is heard of lost mail: it tries every relay, and what nobody takes is kept."""
from conftest import open_relay
from lib.client import Client
from lib.waiting import wait_for

REFUSED = {"dot": lambda session, line: "554 5.0.0 not from you"}


def send(gateway):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(b"From: <a@example.com>\r\nSubject: lost\r\n\r\nhello\r\n", "a@example.com", "b@example.net")


def test_a_report_that_nobody_takes_is_held(new_gateway, new_sink):
    sink = new_sink(script=dict(REFUSED))
    gateway = open_relay(new_gateway(), "out").relay("out", sink).set(queue__retry=["300ms"]).start()
    send(gateway)
    wait_for(lambda: gateway.queue("--held"), 10, "the report to be held")
    row = gateway.queue("--held")[0]
    assert len(gateway.queue()) == 1 and "no next hop takes this report: not from you" in gateway.log("held", id=row["id"])[0]["raw"]
    del sink.script["dot"]
    gateway.ctl("queue", "release", row["id"])
    sink.wait_messages(1, 10)
    assert sink.messages[0].sender == "" and sink.messages[0].rcpts == ["a@example.com"]
    gateway.wait_queue_empty()


def test_a_report_that_runs_out_of_time_is_held(new_gateway, new_sink):
    """While every relay puts it off, until its time is over; a refusal at the end is no other end."""
    told = []
    def refuse(session, line):
        told.append(session)
        return "554 5.0.0 not from you" if len(told) == 1 else "451 4.0.0 later, perhaps"
    sink = new_sink(script={"dot": refuse})
    gateway = open_relay(new_gateway(), "out").relay("out", sink).set(queue__retry=["300ms"], queue__expire="1s").start()
    send(gateway)
    wait_for(lambda: gateway.queue("--held"), 15, "the report to be held")
    row, = gateway.queue()
    assert "this report was not delivered in time: later, perhaps" in gateway.log("held", id=row["id"])[0]["raw"]
    del sink.script["dot"]
    gateway.ctl("queue", "release", row["id"])
    sink.wait_messages(1, 10)
    assert sink.messages[0].sender == ""
    gateway.wait_queue_empty()


def test_a_report_that_is_refused_again_is_held_again_until_an_admin_ends_it(new_gateway, new_sink):
    sink = new_sink(script=dict(REFUSED))
    gateway = open_relay(new_gateway(), "out").relay("out", sink).set(queue__retry=["300ms"], queue__expire="1s").start()
    send(gateway)
    wait_for(lambda: gateway.queue("--held"), 10, "the report to be held")
    row, = gateway.queue()
    before = len(gateway.log("held", id=row["id"]))
    gateway.ctl("queue", "release", row["id"])
    gateway.wait_log("held", id=row["id"], count=before + 1)
    gateway.ctl("queue", "bounce", row["id"])
    gateway.wait_queue_empty()


def test_a_report_tries_the_remaining_relays(new_gateway, new_sink):
    main, spare = new_sink(script=dict(REFUSED)), new_sink()
    gateway = open_relay(new_gateway(), "main").relay("main", main, fallback=["spare"]).relay("spare", spare).start()
    send(gateway)
    spare.wait_messages(1, 10)
    assert spare.messages[0].sender == "" and spare.messages[0].rcpts == ["a@example.com"]
    gateway.wait_queue_empty()


def test_a_providers_limit_is_a_limit(new_gateway, new_sink):
    """What met it goes where mail goes that meets a limit of ours, and not where mail of a broken relay goes."""
    main, spare, other = new_sink(script={"mail": ["550 5.4.5 Daily user sending limit exceeded"]}), new_sink(), new_sink()
    row = {"class": "quota_day", "codes": ["550"], "status": ["5.4.5"], "fault": "account", "action": "limit"}
    gateway = open_relay(new_gateway(), "main").module("65-failover", "failover", {"replies": [row]})
    gateway.relay("main", main, fallback=["other"], on_limit=["spare"]).relay("spare", spare).relay("other", other).start()
    send(gateway)
    spare.wait_messages(1, 10)
    send(gateway)
    spare.wait_messages(2, 10)
    assert not other.messages and not main.messages
