"""Counters of modules outlive whatever ends the gateway: no limit is passed."""
import os
import time

from conftest import open_relay
from lib.crowd import Crowd
from lib.waiting import wait_for

ROUNDS, LIMIT = 8, 400


def far_from_midnight():
    """A zone in which no day begins while the test runs."""
    return "UTC" if 1 <= time.gmtime().tm_hour <= 22 else "Etc/GMT+6"


def limited(new_gateway, new_sink, limit):
    sink, gateway = new_sink(), new_gateway()
    open_relay(gateway, "out").relay("out", sink, daily_limit=limit, timezone=far_from_midnight(), connections=4).module("70-quota", "quota")
    return gateway.start(), sink


def used(gateway):
    """Recipients that were sent, or are on their way."""
    row, = gateway.ctl("quota")
    return row["used"] + row["reserved"]


def test_kill_9_passes_no_limit(new_gateway, new_sink):
    """What was on its way when the gateway was killed counts as sent, so each kill may cost the few that were not."""
    gateway, sink = limited(new_gateway, new_sink, LIMIT)
    crowd = Crowd(gateway, clients=4, big=500).start()
    for number in range(1, ROUNDS + 1):
        sink.wait(lambda: len(sink.messages) >= number * LIMIT * 3 // 4 // ROUNDS, 20, "messages of round %d" % number)
        gateway.kill()
        assert os.path.exists(os.path.join(gateway.state, "counters"))
        gateway.start()
        assert len(sink.messages) <= used(gateway) <= LIMIT
    wait_for(lambda: used(gateway) == LIMIT, 20, lambda: "the limit: %d of %d" % (used(gateway), LIMIT))
    crowd.stop()
    gateway.restart()
    assert used(gateway) == LIMIT
    assert LIMIT - ROUNDS * 4 * 2 <= len(sink.messages) <= LIMIT


def test_an_orderly_end_keeps_counters_in_the_database(new_gateway, new_sink):
    gateway, sink = limited(new_gateway, new_sink, LIMIT)
    Crowd(gateway, clients=1, most=5).start().join()
    sink.wait_messages(5)
    gateway.stop()
    assert not os.path.exists(os.path.join(gateway.state, "counters"))
    gateway.start()
    assert used(gateway) == 5
