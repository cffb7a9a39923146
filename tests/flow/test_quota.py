"""Limits of relays and clients: what goes out, what takes another way, what waits, what is refused; over restarts, crashes and days."""
import glob
import os
import re
import threading
import time

import pytest

from conftest import open_relay
from lib.client import Client
from lib.waiting import wait_for

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + [None])[0]


def faked(test):
    return pytest.mark.heavy(pytest.mark.skipif(not LIBRARY, reason="libfaketime is not installed")(test))


MAIL = b"From: <a@example.com>\r\nSubject: quota\r\n\r\nhello\r\n"
HOUR = 3600


def rcpts(*sinks):
    """Of clients' mail: the gateway's own reports are not counted."""
    return [rcpt for sink in sinks for message in sink.messages if message.sender for rcpt in message.rcpts]


def send(gateway, *to):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        reply = client.message(MAIL, "a@example.com", *to)
        assert reply.code == 250, reply


def send_some(gateway, count, prefix="r"):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for i in range(count):
            assert client.message(MAIL, "a@example.com", "%s%d@example.net" % (prefix, i)).code == 250


def rows(gateway, *words):
    return {row["scope"]: row for row in gateway.ask("quota", *words)["rows"]}


def used(gateway, scope):
    row = rows(gateway)[scope]
    return row["used"], row["reserved"]


def wait_used(gateway, scope, count):
    wait_for(lambda: used(gateway, scope) == (count, 0), 15, lambda: "%d used: %r" % (count, rows(gateway)))


@pytest.fixture
def limited(new_gateway, new_sink):
    """A maker of (gateway, sink): one relay with these keys, and limits of the module's own."""
    def make(limits=(), start=True, env=None, **keys):
        gateway, sink = new_gateway(), new_sink()
        gateway.set(queue__delay_warning="0s")
        open_relay(gateway, "out").relay("out", sink, **keys).module("70-quota", "quota", {"limits": list(limits)} if limits else {})
        return (gateway.start(env=env) if start else gateway), sink
    return make


# --- R12 ---

def test_five_go_and_the_sixth_takes_the_relay_for_that(new_gateway, new_sink):
    gateway, first, second = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "first").relay("first", first, daily_limit=5, on_limit=["second"]).relay("second", second)
    gateway.module("70-quota", "quota").start()
    send_some(gateway, 5)
    first.wait_messages(5)
    wait_used(gateway, "relay first", 5)
    send(gateway, "sixth@example.net")
    second.wait_messages(1)
    assert rcpts(second) == ["sixth@example.net"] and len(first.messages) == 5
    assert rows(gateway, "first")["relay first"]["today"] == "5/5"


def test_of_one_message_for_six_five_go_and_the_sixth_takes_the_other(new_gateway, new_sink):
    gateway, first, second = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "first").relay("first", first, daily_limit=5, on_limit=["second"]).relay("second", second)
    gateway.module("70-quota", "quota").start()
    send(gateway, *["%d@example.net" % i for i in range(6)])
    second.wait_messages(1, 20)
    gateway.wait_queue_empty()
    assert len(rcpts(first)) == 5 and len(rcpts(second)) == 1
    assert sorted(rcpts(first, second)) == ["%d@example.net" % i for i in range(6)]


def test_who_asks_where_mail_would_go_uses_nothing_of_the_limit(new_gateway, new_sink):
    gateway, first, second = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "first").relay("first", first, daily_limit=2, on_limit=["second"]).relay("second", second)
    gateway.module("70-quota", "quota").start()

    def ask():
        return gateway.text("explain", "--from", "a@example.com", "--to", "b@example.net")
    for _ in range(5):
        assert "first" in ask() and used(gateway, "relay first") == (0, 0)
    send_some(gateway, 2)
    first.wait_messages(2)
    wait_used(gateway, "relay first", 2)
    assert "2/2 until 00:00 UTC" in ask(), ask()
    assert used(gateway, "relay first") == (2, 0)


def test_what_is_refused_is_not_counted(limited):
    gateway, sink = limited(daily_limit=3)
    sink.script["rcpt"] = lambda session, line: "550 5.1.1 nobody" if "nobody" in line else "250 2.1.5 ok"
    send(gateway, "nobody1@example.net", "nobody2@example.net", "a@example.net")
    send(gateway, "b@example.net", "nobody3@example.net")
    send(gateway, "c@example.net")
    sink.wait(lambda: len(rcpts(sink)) == 3)
    wait_used(gateway, "relay out", 3)


# --- R13 ---

def hand_in(gateway, numbers, refusals):
    with Client(gateway.clear_port, ehlo="crm.example.com") as client:
        for number in numbers:
            client.say("MAIL FROM:<a@example.com>", 250)
            reply = client.say("RCPT TO:<%d@example.net>" % number, 250, 452)
            if reply.code == 250:
                reply = client.text(MAIL)
            else:
                client.say("RSET", 250)
            if reply.code != 250:
                refusals.append(reply)


def test_of_501_one_way_takes_200_the_other_300_and_one_is_refused(new_gateway, new_sink):
    gateway, relay, crm = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "a").relay("a", relay, daily_limit=200, on_limit=["b"]).relay("b", crm, daily_limit=300)
    gateway.module("10-access", "access", {"clients": [{"name": "crm", "networks": ["127.0.0.1"], "domains": ["example.com"]}]})
    gateway.module("70-quota", "quota", {"limits": [
        {"name": "crm-day", "client": "crm", "daily": 500, "timezone": "Europe/Berlin", "on_limit": "refuse"}]}).start()
    refusals = []
    sessions = [threading.Thread(target=hand_in, args=(gateway, range(i, 501, 6), refusals)) for i in range(6)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join(60)
    relay.wait_messages(200, 20)
    crm.wait_messages(300, 20)
    gateway.wait_queue_empty()
    assert (len(rcpts(relay)), len(rcpts(crm))) == (200, 300)
    assert [(reply.code, reply.text) for reply in refusals] == [
        (452, "4.7.1 daily limit of 500 for client crm is reached until 00:00 Europe/Berlin")]
    shown = rows(gateway)
    assert {scope: row["today"] for scope, row in shown.items()} == {"relay a": "200/200", "relay b": "300/300", "limit crm-day": "500/500"}
    assert shown["limit crm-day"]["opens"] == "00:00 Europe/Berlin" and shown["relay a"]["opens"] == "00:00 UTC"
    assert {row["name"]: row["today"] for row in gateway.ask("relay", "list")["rows"]} == {"a": "200/200", "b": "300/300"}
    table = gateway.text("quota")
    assert re.search(r"(?m)^relay a +200/200 +0 +recipients .* 00:00 UTC +reached$", table), table


# --- counts that outlive the process ---

def test_a_restart_and_kill_9_never_pass_the_limit(limited):
    gateway, sink = limited(daily_limit=40)
    for round, end in enumerate((gateway.stop, gateway.kill, gateway.kill, gateway.stop)):
        send_some(gateway, 15, "round%d-" % round)
        sink.wait(lambda: len(rcpts(sink)) >= min(15 * round + 5, 30))
        end()
        gateway.start()
    wait_for(lambda: rows(gateway)["relay out"]["used"] == 40, 20, lambda: "the limit to be reached: %r" % rows(gateway))
    assert 30 <= len(rcpts(sink)) <= 40
    assert any("did not end as it should" in line["raw"] for line in gateway.log())


def test_a_relay_that_is_named_anew_keeps_its_count(limited):
    gateway, sink = limited(daily_limit=3)
    send_some(gateway, 2)
    sink.wait_messages(2)
    wait_used(gateway, "relay out", 2)
    gateway.fragments["50-out"]["relay"].update(name="fresh", counted_as="out")
    gateway.fragments["60-routing"]["routing"]["default"] = ["fresh"]
    gateway.restart()
    send_some(gateway, 2, "more")
    sink.wait_messages(3)
    wait_used(gateway, "relay out", 3)
    wait_for(lambda: len(gateway.queue()) == 1, 10, "the one over the limit alone in the queue")


def test_a_reload_with_a_higher_limit_lets_go_what_waited(limited):
    gateway, sink = limited(daily_limit=1)
    send_some(gateway, 3)
    sink.wait_messages(1)
    wait_for(lambda: len(gateway.queue()) == 2, 10, "two that wait")
    gateway.fragments["50-out"]["relay"]["daily_limit"] = 10
    gateway.write()
    assert gateway.run_ctl("reload").code == 0
    sink.wait_messages(3)
    wait_used(gateway, "relay out", 3)


# --- time ---

class Wall:
    """A wall clock that can be set; the monotonic one goes on."""

    def __init__(self, folder, when):
        self.path = os.path.join(folder, "now")
        self.set(when)

    def set(self, when):
        with open(self.path + ".new", "w") as file:
            file.write("%+.3f\n" % (when - time.time()))
        os.rename(self.path + ".new", self.path)

    def env(self):
        return {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


DAYS = [  # (zone, when the day begins, its hours)
    ("Europe/Berlin", 1806188400, 23),     # 2027-03-28
    ("Europe/Berlin", 1824933600, 25),     # 2027-10-31
    ("America/New_York", 1805000400, 23),  # 2027-03-14
]


@faked
@pytest.mark.parametrize("zone,begins,hours", DAYS, ids=["Berlin-23", "Berlin-25", "New-York-23"])
def test_a_day_begins_where_the_relay_is_and_may_have_23_or_25_hours(limited, tmp_path, zone, begins, hours):
    wall = Wall(str(tmp_path), begins - 120)
    gateway, sink = limited(daily_limit=2, timezone=zone, env=wall.env())
    send_some(gateway, 3)
    sink.wait_messages(2)
    wait_used(gateway, "relay out", 2)
    assert rows(gateway)["relay out"]["opens_ms"] == begins * 1000
    wall.set(begins + 1)
    sink.wait_messages(3)  # by itself
    wait_used(gateway, "relay out", 1)
    send_some(gateway, 2, "new")
    sink.wait_messages(4)
    wait_used(gateway, "relay out", 2)
    wall.set(begins + hours * HOUR - 120)
    wait_for(lambda: rows(gateway)["relay out"]["used"] == 2, 5, "the same day")
    assert rows(gateway)["relay out"]["opens_ms"] == (begins + hours * HOUR) * 1000 and len(sink.messages) == 4
    wall.set(begins + hours * HOUR + 1)
    sink.wait_messages(5)


@faked
def test_a_rolling_window_opens_24_hours_later(limited, tmp_path):
    now = 1806150000
    wall = Wall(str(tmp_path), now)
    gateway, sink = limited([{"name": "all", "daily": 2, "window": "rolling"}], env=wall.env())
    send_some(gateway, 3)
    sink.wait_messages(2)
    wait_used(gateway, "limit all", 2)
    wall.set(now + 24 * HOUR - 60)
    wait_used(gateway, "limit all", 2)
    gateway.wait_log("done", count=2)
    send_some(gateway, 1)  # what became of the first two is on the disk before its 250
    gateway.kill()
    gateway.start(env=wall.env())
    wait_used(gateway, "limit all", 2)
    assert len(sink.messages) == 2
    wall.set(now + 24 * HOUR + 601)
    sink.wait_messages(4)
    wait_used(gateway, "limit all", 2)


@faked
def test_a_minute_has_at_most_so_many(limited, tmp_path):
    wall = Wall(str(tmp_path), 1806150000)
    gateway, sink = limited(per_minute=5, env=wall.env())
    send_some(gateway, 12)
    sink.wait_messages(5)
    for passed, count in ((59, 5), (62, 10), (125, 12)):
        wall.set(1806150000 + passed)
        sink.wait_messages(count)
        wait_for(lambda: len(gateway.queue()) == 12 - count, 10, "what was sent to be booked, by the clock as it is")
        wait_for(lambda: not rows(gateway)["relay out"]["this_minute"] > 5, 5)
        assert len(sink.messages) == count, passed
    gateway.wait_queue_empty()


def test_one_domains_batch_keeps_its_bounds_and_delays_nobody_else(new_gateway, new_sink):
    gateway, mass, other = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "other").module("70-quota", "quota")
    gateway.relay("mass", mass, domains=["example.com"], connections=5, per_minute=100).relay("other", other).start()
    send_some(gateway, 300)
    mass.wait_messages(100)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert client.message(MAIL.replace(b"example.com", b"other.example"), "a@other.example", "b@example.net").code == 250
    other.wait_messages(1)
    assert len(mass.messages) == 100 and mass.open_most <= 5
    assert gateway.status()["queue"]["waiting"] == 200


# --- what is wrong is said ---

@pytest.mark.parametrize("limit,problem", [
    ('name = "a"; daily = 5; timezone = "Mars/Base";', 'limit "a": there is no such timezone'),
    ('name = "a";', 'limit "a": it limits nothing: it needs daily or per_minute'),
    ('name = "a"; daily = 5; }, { name = "a"; daily = 6;', 'limit "a": there are two of that name'),
])
def test_a_limit_that_cannot_be_is_refused_with_its_place(limited, limit, problem):
    gateway, _ = limited(start=False)
    gateway.fragments["70-quota"] = 'module = "quota";\nquota: {\n  limits = ( { %s } );\n};\n' % limit
    answer = gateway.check()
    assert answer.code == 78 and "70-quota.conf:3: error: " + problem in answer.err, answer.err


def test_what_a_provider_takes_is_a_ceiling(limited):
    gateway, _ = limited(start=False)
    gateway.fragments["05-mine"] = 'providers = ( { name = "mine"; host = "smtp.example.net"; port = 587; tls = "starttls"; daily = 100; } );\n'
    gateway.fragments["50-out"] = '''relay: {
  name = "out";
  daily_limit = 500;
  auth: { provider = "mine"; user = "u"; password = "p"; };
};
'''
    gateway.module("20-auth-password", "auth-password", {"users": "STATE/users"})
    answer = gateway.check()
    assert answer.code == 0, answer.err
    assert "50-out.conf:3: warning: daily_limit is 500, and the provider takes 100: that is the limit" in answer.err, answer.err


def test_a_daily_limit_is_a_number_or_unlimited(limited):
    gateway, _ = limited(start=False, daily_limit="endless")
    answer = gateway.check()
    assert answer.code == 78 and 'error: "daily_limit" must be a number or "unlimited"' in answer.err, answer.err
