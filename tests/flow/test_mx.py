"""Direct delivery: host = "mx". Which hosts a domain's mail goes to, what is tried when, and what the DNS says that makes it fail."""
import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.names import KNOTD, Names
from lib.sink import STALL, Act
from lib.waiting import wait_for

pytestmark = pytest.mark.skipif(KNOTD is None, reason="knotd is not installed (Debian package knot)")

PORT = free_port()
MAIL = b"From: a@example.com\r\nSubject: direct\r\n\r\nhello\r\n"

# Hosts by their last octet: mx1.test is 127.0.0.11 and so on; nobody listens on 127.0.0.99.
ZONE = "\n".join("mx%d A 127.0.0.1%d" % (i, i) for i in range(1, 6)) + """
dead A 127.0.0.99
one MX 10 mx1
two MX 20 mx2
alike MX 5 MX1
order MX 10 mx1
order MX 20 mx2
hurt MX 10 dead
hurt MX 20 mx2
many MX 10 many-hosts
many-hosts A 127.0.0.99
many-hosts AAAA ::1
many-hosts A 127.0.0.13
pair MX 10 mx1
pair MX 10 mx2
itself A 127.0.0.14
null MX 0 .
nothing TXT "no mail here"
gone MX 10 missing
loop CNAME pool
pool CNAME loop
lost MX 10 dead
ours MX 10 relay.example.com.
ours MX 20 mx1
backup MX 10 mx3
backup MX 20 relay.example.com.
elsewhere MX 10 mx.broken
""" + "\n".join("hundred MX %d h%d\nh%d A 127.0.0.%d" % (i, i, i, 15 if i == 3 else 99) for i in range(100))


@pytest.fixture(scope="module")
def names():
    server = Names({"test": ZONE, "broken.test": None})
    yield server
    server.stop()


@pytest.fixture
def hosts(new_sink):
    """hosts(1, 2): sinks at mx1 and mx2."""
    return lambda *numbers, **how: [new_sink(address="127.0.0.1%d" % number, port=PORT, **how) for number in numbers]


@pytest.fixture
def direct(new_gateway, names):
    """A gateway that delivers to mail hosts itself; `relay` are keys of that relay, `route` the relays after it."""
    def make(settings=None, relay=None, route=(), before=None):
        gateway = new_gateway()
        open_relay(gateway, "direct", *route).relay("direct", **{"host": "mx", "port": PORT, "tls": "opportunistic", **(relay or {})})
        gateway.set(dns__forward=[names.server], dns__local=True, delivery__connect="2s", **(settings or {}))
        if before:
            before(gateway)
        return gateway.start()
    return make


def send(gateway, *rcpts, octets=MAIL):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        reply = client.message(octets, "a@example.com", *rcpts)
    assert reply.code == 250, reply
    return queue_id(reply)


# --- where mail goes ---

def test_each_domain_has_its_own_hosts(direct, hosts):
    one, two = hosts(1, 2)
    send(direct(), "b@one.test", "c@two.test", "d@one.test", "E@ONE.test")
    assert sorted(one.wait_messages(1)[0].rcpts) == ["E@ONE.test", "b@one.test", "d@one.test"]
    assert two.wait_messages(1)[0].rcpts == ["c@two.test"]


def test_domains_with_the_same_hosts_share_connections(direct, hosts):
    one, = hosts(1)
    gateway = direct(relay={"connections": 1}, settings={"workers": 1})
    send(gateway, "b@one.test", "c@alike.test")
    send(gateway, "d@alike.test")
    one.wait_messages(3)
    assert len(one.sessions) == 1


def test_the_best_host_is_asked_first(direct, hosts):
    one, two = hosts(1, 2)
    gateway = direct()
    for _ in range(5):
        send(gateway, "b@order.test")
    one.wait_messages(5)
    assert not two.sessions


def test_a_host_that_is_away_is_passed_over(direct, hosts):
    two, = hosts(2)
    gateway = direct()
    send(gateway, "b@hurt.test")
    assert two.wait_messages(1)[0].rcpts == ["b@hurt.test"]
    assert not gateway.log("deferred")


@pytest.mark.parametrize("failure", ["421 4.3.2 later", "554 5.3.2 not here", Act(close=True), Act(raw=b"garbage\r\n")])
def test_a_host_that_does_not_greet_is_passed_over(direct, hosts, failure):
    one, = hosts(1, script={"connect": [failure]})
    two, = hosts(2)
    send(direct(), "b@order.test")
    assert two.wait_messages(1)[0].rcpts == ["b@order.test"]
    assert len(one.sessions) == 1


def test_all_addresses_of_a_host_are_tried(direct, hosts):
    three, = hosts(3)
    send(direct(), "b@many.test")
    three.wait_messages(1)


def test_equals_share_the_mail(direct, hosts):
    one, two = hosts(1, 2)
    gateway = direct(relay={"per_connection": 1})
    for _ in range(20):
        send(gateway, "b@pair.test")
    wait_for(lambda: len(one.messages) + len(two.messages) == 20, 10, "twenty messages")
    assert one.messages and two.messages


def test_a_domain_without_mx_is_its_own_host(direct, hosts):
    four, = hosts(4)
    send(direct(), "b@itself.test")
    four.wait_messages(1)


def test_an_address_literal_is_the_host(direct, hosts):
    five, = hosts(5)
    send(direct(), "b@[127.0.0.15]")
    assert five.wait_messages(1)[0].rcpts == ["b@[127.0.0.15]"]


def test_94_a_hundred_hosts(direct, hosts):
    five, = hosts(5)
    send(direct(), "b@hundred.test")
    five.wait_messages(1)


def test_a_backup_host_passes_mail_only_to_better_ones(direct, hosts):
    three, = hosts(3)
    gateway = direct()
    send(gateway, "b@backup.test", "c@ours.test")
    three.wait_messages(1)
    gateway.wait_log("bounced", to="c@ours.test", status="5.4.6")


# --- what the DNS says: FAULTS 94 ---

@pytest.mark.parametrize("domain, status", [("null.test", "5.1.10"), ("missing.test", "5.1.2"), ("nothing.test", "5.4.4"), ("gone.test", "5.4.4")])
def test_94_what_is_permanent_bounces_at_once(direct, new_sink, domain, status):
    other = new_sink()
    gateway = direct(route=["other"], before=lambda gateway: gateway.relay("other", other))
    id = send(gateway, "b@" + domain)
    line = gateway.wait_log("bounced", id=id)[0]
    assert (line["status"], line["stage"]) == (status, "resolve")
    report = other.wait_messages(1)[0] if other.messages else None
    assert report is None or report.rcpts == ["a@example.com"]  # the DSN may take the fallback, the mail may not


@pytest.mark.parametrize("domain", ["broken.test", "loop.test", "elsewhere.test"])
def test_94_what_is_not_known_now_waits(direct, domain):
    gateway = direct(settings={"queue.retry": ["1h"]})
    id = send(gateway, "b@" + domain)
    line = gateway.wait_log("deferred", id=id)[0]
    assert (line["status"], line["stage"]) == ("4.4.3", "resolve")
    gateway.wait_log("later", id=id)
    assert not gateway.log("bounced")


def test_94_name_servers_that_do_not_answer_hold_up_nobody_else(direct, hosts, new_sink, names):
    one, = hosts(1)
    gateway = direct(settings={"queue.retry": ["1h"]})
    broken = send(gateway, "b@broken.test")
    send(gateway, "c@one.test")
    one.wait_messages(1)
    gateway.wait_log("later", id=broken)


def test_what_is_not_known_now_takes_the_fallback(direct, new_sink):
    other = new_sink()
    gateway = direct(route=["other"], before=lambda gateway: gateway.relay("other", other))
    send(gateway, "b@broken.test", "c@lost.test")
    wait_for(lambda: sorted(rcpt for message in other.messages for rcpt in message.rcpts) == ["b@broken.test", "c@lost.test"], 15, "both at the other relay")


# --- sites are apart from each other ---

def test_a_limit_is_of_a_site(direct, hosts):
    one, two = hosts(1, 2, script={"mail": STALL})
    gateway = direct(relay={"connections": 2})
    for _ in range(6):
        send(gateway, "b@one.test", "c@two.test")
    wait_for(lambda: len(one.commands("MAIL")) == 2 and len(two.commands("MAIL")) == 2, 10, "two connections to each")
    def load():
        relay, = [relay for relay in gateway.status()["relays"] if relay["name"] == "direct"]
        return relay["connections"], relay["waiting"]
    wait_for(lambda: load() == (4, 8), 10, lambda: "the others to wait: %r" % (load(),))
    assert len(one.sessions) == len(two.sessions) == 2
    one.release(), two.release()
    one.wait_messages(6), two.wait_messages(6)


def test_a_site_that_is_down_holds_up_nobody_else_and_gets_its_mail_when_it_is_back(direct, hosts, new_sink):
    two, = hosts(2)
    gateway = direct()
    down = [send(gateway, "b@one.test") for _ in range(3)]
    for id in down:
        wait_for(lambda: gateway.log("deferred", id=id) or gateway.log("parked", id=id), 10, "a first try")
    send(gateway, "c@two.test")
    two.wait_messages(1)
    one, = hosts(1)
    one.wait_messages(3, 20)
    gateway.wait_queue_empty()


# --- TLS where it can be had ---

def test_tls_is_taken_where_it_is_offered_whatever_the_certificate(direct, hosts, certificates):
    certificate, key = certificates.pair("wrong")
    one, = hosts(1, tls="starttls", certificate=certificate, key=key)
    gateway = direct()
    id = send(gateway, "b@one.test")
    assert one.wait_messages(1)[0].session.tls
    assert gateway.wait_log("delivered", id=id)[0]["tls"].startswith("TLS")


@pytest.mark.parametrize("script", [{"starttls": ["454 4.7.0 no TLS now"]}, {"starttls": [Act("220 go", close=True)]}])
def test_where_tls_fails_mail_goes_without(direct, hosts, certificates, script):
    certificate, key = certificates.pair("hop")
    one, = hosts(1, tls="starttls", certificate=certificate, key=key, script=script)
    gateway = direct()
    send(gateway, "b@one.test")
    assert not one.wait_messages(1)[0].session.tls
    assert len(one.sessions) == 2 and not gateway.log("deferred")


def test_tls_that_is_demanded_is_not_done_without(direct, hosts):
    one, = hosts(1)
    gateway = direct(relay={"tls": "starttls"}, settings={"queue.retry": ["1h"]})
    id = send(gateway, "b@one.test")
    assert gateway.wait_log("deferred", id=id)[0]["stage"] == "tls"
    assert not one.messages


# --- tried out ---

def test_a_trial_goes_to_the_recipients_own_hosts(direct, hosts):
    two, = hosts(2)
    gateway = direct()
    told = gateway.ctl("relay", "test", "direct", "--to", "b@hurt.test")
    text = "\n".join(line["text"] for line in told["lines"])
    assert told["code"] == 0 and "dead.test" in text and "mx2.test" in text
    assert two.commands("RCPT") == ["RCPT TO:<b@hurt.test>"] and two.messages == []
    answer = gateway.run_ctl("relay", "test", "direct", "--to", "b@null.test")
    assert answer.code == 10
    send(gateway, "b@two.test")
    two.wait_messages(1)
