"""How much one client may take: sessions at once from its address, over all workers."""
import pytest

from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"Subject: limits\r\n\r\nhello\r\n"
FULL = "4.7.0 too many sessions from your address"


@pytest.fixture
def few(pair):
    """A maker of a gateway where an address may have so many sessions at once."""
    def make(most, **settings):
        return pair(settings={"limits.sessions_per_client": most, **settings})
    return make


def refused(port, source="127.0.0.1"):
    with Client(port, source=source) as client:
        greeting = client.greeting
        assert greeting.code in (220, 421)
        return greeting.code == 421 and client.rest() == b"" and greeting.text == FULL


def test_an_address_has_so_many_sessions_over_all_workers(few):
    gateway, _ = few(5, workers=4)
    clients = [Client(gateway.clear_port, ehlo="client.example.com") for _ in range(5)]
    for _ in range(10):
        assert refused(gateway.clear_port)
    assert gateway.counter("sessions_refused") == 10
    assert [client.say("NOOP").code for client in clients] == [250] * 5
    for client in clients:
        client.close()


def test_other_addresses_are_served_meanwhile(few):
    gateway, sink = few(1)
    with Client(gateway.clear_port, source="127.0.0.2"):
        assert refused(gateway.clear_port, "127.0.0.2")
        with Client(gateway.clear_port, source="127.0.0.3", ehlo="client.example.com") as other:
            queue_id(other.message(MAIL))
        sink.wait_messages(1)


@pytest.mark.parametrize("leave", [lambda client: client.say("QUIT", 221), lambda client: client.close(), lambda client: client.reset()],
                         ids=["quit", "close", "reset"])
def test_who_leaves_makes_room(few, leave):
    gateway, _ = few(1)
    client = Client(gateway.clear_port)
    assert refused(gateway.clear_port)
    leave(client)
    wait_for(lambda: not refused(gateway.clear_port), 5, "room for a session")
    client.close()


def test_the_log_tells_once_who_comes_in_a_crowd(few):
    gateway, _ = few(2)
    clients = [Client(gateway.clear_port) for _ in range(2)]
    for _ in range(20):
        assert refused(gateway.clear_port)
    assert [(line["peer"], line["sessions"]) for line in gateway.wait_log("client-crowd")] == [("127.0.0.1", "2")]
    for client in clients:
        client.close()


def test_none_is_no_limit(few):
    gateway, _ = few(0)
    clients = [Client(gateway.clear_port) for _ in range(50)]
    assert all(client.greeting.code == 220 for client in clients)
    for client in clients:
        client.close()


def test_a_new_configuration_counts_for_new_sessions(few):
    gateway, _ = few(1)
    with Client(gateway.clear_port, ehlo="client.example.com") as first:
        assert refused(gateway.clear_port)
        gateway.set(limits__sessions_per_client=3).write()
        gateway.text("reload")
        wait_for(lambda: not refused(gateway.clear_port), 5, "the new limit")
        assert queue_id(first.message(MAIL))
