"""What a limit counts before it is set, and what becomes of mail that is over the limit of a client or a type."""
import pytest

from conftest import open_relay
from lib.client import Client

MAIL = b"From: <a@example.com>\r\nSubject: quota\r\n\r\nhello\r\n"


@pytest.fixture
def two(new_gateway, new_sink):
    """A gateway with the relays `first` and `second`, the second after the limit of the first; not started."""
    gateway, first, second = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "first").relay("first", first, on_limit=["second"]).relay("second", second)
    return gateway, first, second


def send(gateway, count):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for i in range(count):
            assert client.message(MAIL, "a@example.com", "r%d@example.net" % i).code == 250


def today(gateway):
    return {row["name"]: row["today"] for row in gateway.ask("relay", "list")["rows"]}


def test_a_limit_set_at_noon_knows_the_morning(two):
    gateway, first, second = two
    gateway.module("70-quota", "quota").start()
    send(gateway, 3)
    first.wait_messages(3)
    gateway.wait_queue_empty()
    assert today(gateway) == {"first": "3", "second": "0"}
    gateway.fragments["50-first"]["relay"]["daily_limit"] = 4
    gateway.write()
    assert gateway.run_ctl("reload").code == 0
    send(gateway, 3)
    second.wait_messages(2)
    gateway.wait_queue_empty()
    assert len(first.messages) == 4 and today(gateway) == {"first": "4/4", "second": "2"}


def test_over_a_clients_limit_mail_takes_the_next_relay(two):
    gateway, first, second = two
    gateway.module("10-access", "access", {"clients": [{"name": "crm", "networks": ["127.0.0.1"], "domains": ["example.com"]}]})
    gateway.module("70-quota", "quota", {"limits": [{"name": "crm-day", "client": "crm", "daily": 2, "on_limit": "next"}]}).start()
    send(gateway, 5)
    second.wait_messages(3)
    gateway.wait_queue_empty()
    assert len(first.messages) == 2
    assert {row["scope"]: row["today"] for row in gateway.ask("quota")["rows"]} == {
        "relay first": "2", "relay second": "3", "limit crm-day": "2/2"}


def test_where_there_is_no_next_relay_it_waits_until_the_limit_is_raised(two):
    gateway, first, _ = two
    gateway.fragments["50-first"]["relay"]["on_limit"] = ["wait"]
    limit = {"name": "all", "daily": 2, "on_limit": "next"}
    gateway.module("70-quota", "quota", {"limits": [limit]}).start()
    send(gateway, 5)
    first.wait_messages(2)
    limit["daily"] = 5
    gateway.write()
    assert gateway.run_ctl("reload").code == 0
    first.wait_messages(5)
    gateway.wait_queue_empty()


@pytest.mark.parametrize("word", ["next", "refuse"])
def test_a_word_about_a_limit_that_is_not_there_is_an_error_with_its_place(two, word):
    gateway = two[0]
    gateway.fragments["70-quota"] = 'module = "quota";\nquota: {\n  limits = ( { name = "a"; per_minute = 5; on_limit = "%s"; } );\n};\n' % word
    answer = gateway.check()
    assert answer.code == 78, answer.err
    assert '70-quota.conf:3: error: limit "a": on_limit is about a daily limit, and it has none' in answer.err, answer.err
