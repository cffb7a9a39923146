"""Each recipient gets a message once: over relays, over transactions, over restarts."""
import signal
from collections import Counter

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.sink import DROP, OK, STALL, Act
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: once\r\nMessage-ID: <once@example.com>\r\n\r\nhello\r\n"
SLOW = {"queue.retry": ["1h"]}


def send(gateway, *rcpts):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        for rcpt in rcpts or ("b@example.net",):
            client.say("RCPT TO:<%s>" % rcpt, 250)
        reply = client.text(MAIL)
    assert reply.code == 250, reply
    return queue_id(reply)


def retry_until(gateway, id, condition, what):
    def done():
        if not condition():
            gateway.ask("queue", "retry", id)
        return condition()
    wait_for(done, 15, lambda: "%s; the log:\n%s" % (what, gateway.log_text()[-3000:]))


FAILURES = {
    "refuses the connection": None, "greets 421": {"connect": Act("421 4.3.2 closing", close=True)},
    "says 451 at MAIL": {"mail": "451 4.3.0 later"}, "says 421 at RCPT": {"rcpt": Act("421 4.3.2 going down", close=True)},
}


# --- after an unknown outcome nobody but the same relay is asked, whatever that says, until it has answered the content ---

@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
@pytest.mark.parametrize("failure", FAILURES)
def test_unknown_stays_with_its_relay_whatever_fails_there(new_gateway, new_sink, failure, killed):
    first, other = new_sink(script={"dot": [DROP]}), new_sink()
    gateway = new_gateway()
    open_relay(gateway, "first", "other").relay("first", first).relay("other", other).set(**SLOW).start()
    id = send(gateway)
    gateway.wait_log("unknown", id=id)
    gateway.wait_log("later", id=id)
    if killed:
        gateway.kill()
        gateway.start()
    script = FAILURES[failure]
    if script is None:
        first.stop()
    else:
        first.script.update(script)
    retry_until(gateway, id, lambda: len(gateway.log("deferred", id=id)) >= 2, "two failures at the relay")
    assert not other.messages and not other.sessions
    if script is None:
        first = new_sink(port=first.port)
    else:
        first.script.clear()
    retry_until(gateway, id, lambda: gateway.log("delivered", id=id), "its delivery")
    assert gateway.log("delivered", id=id)[0]["relay"] == "first" and not other.sessions


def test_an_answer_to_the_content_ends_the_doubt(new_gateway, new_sink):
    first, other = new_sink(script={"dot": [DROP, "451 4.3.0 not now"]}), new_sink()
    gateway = new_gateway()
    open_relay(gateway, "first", "other").relay("first", first).relay("other", other).set(**SLOW).start()
    id = send(gateway)
    gateway.wait_log("unknown", id=id)
    retry_until(gateway, id, lambda: gateway.log("deferred", id=id, stage="dot"), "a refusal of the content")
    first.stop()
    retry_until(gateway, id, lambda: other.messages, "the fallback")


def stop_impatiently(gateway):
    """Asks until it ends: the second time, what is on its way is given up."""
    def ended():
        if gateway.alive():
            gateway.process.send_signal(signal.SIGTERM)
        return not gateway.alive()
    wait_for(ended, 20, "the end")
    gateway.wait_end()


# --- what a transaction gave is known from its end on, not from the end of the attempt ---

MANY = ["%d@example.net" % nth for nth in range(60)]


def stalls_at_third(sink):
    calls = []

    def data(session, line):
        calls.append(line)
        return STALL if len(calls) == 3 else OK
    sink.script["data"] = data


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_restart_between_transactions_repeats_none(new_gateway, new_sink, end):
    sink, gateway = new_sink(), new_gateway()
    stalls_at_third(sink)
    open_relay(gateway, "out").relay("out", sink, max_rcpts=20).set(**SLOW).start()
    id = send(gateway, *MANY)
    gateway.wait_log("delivered", id=id, count=40)
    if end == "kill":
        gateway.kill()
    else:
        stop_impatiently(gateway)
    sink.release()
    gateway.start()
    wait_for(lambda: len(sink.messages) >= 3, 15, lambda: gateway.log_text()[-3000:])
    gateway.wait_queue_empty()
    assert Counter(rcpt for message in sink.messages for rcpt in message.rcpts) == Counter(MANY)


def test_a_stop_behind_the_dot_is_an_unknown_outcome(new_gateway, new_sink):
    first, other, gateway = new_sink(script={"dot": [STALL]}), new_sink(), new_gateway()
    open_relay(gateway, "first", "other").relay("first", first).relay("other", other).set(**SLOW).start()
    id = send(gateway)
    first.wait(lambda: first.texts, what="the text")
    first.script["connect"] = Act("421 4.3.2 closing", close=True)
    stop_impatiently(gateway)
    assert gateway.log("unknown", id=id)
    gateway.start()
    gateway.wait_log("deferred", id=id)
    assert not other.sessions
