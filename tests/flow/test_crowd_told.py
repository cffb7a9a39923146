"""An address that has too many sessions: modules are told of the 421, once until it has none left, and strikes counts it."""
from lib.client import Client
from lib.waiting import wait_for


def test_modules_are_told_once_of_a_crowd(new_gateway, new_sink):
    gateway = new_gateway().probe(options={"log_events": True}).module("28-strikes", "strikes").relay("out", new_sink())
    gateway.set(limits__sessions_per_client=1, workers=2).start()
    for _ in range(2):
        with Client(gateway.clear_port) as client:
            for _ in range(10):
                with Client(gateway.clear_port) as other:
                    assert other.greeting.code == 421
            client.say("QUIT", 221)
        wait_for(lambda: gateway.counter("sessions_open") == 0, 10, "the session to end")
    told = [line["text"] for line in gateway.log("probe") if "event refused" in line["text"]]
    assert told == ['event refused client= code=421 json={"stage":"sessions","peer":"127.0.0.1"}: too many sessions from your address'] * 2
    row, = gateway.ctl("strikes")
    assert (row["client"], row["refused"], row["code"], row["stage"]) == ("[127.0.0.1]", 2, 421, "sessions")
    assert gateway.wait_log("module-event", name="strike-warning")
