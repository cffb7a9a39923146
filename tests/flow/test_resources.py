"""Those who cost: idle crowds, slow ones, deaf ones, those who knock and run. Whoever behaves is served all the same, and memory, CPU and
descriptors stay bounded."""
import contextlib
import resource
import select
import socket
import ssl
import threading
import time
from collections import Counter

import pytest

from conftest import LONG, open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.load import Process, smtp_source
from lib.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.heavy

MAIL = b"From: a@example.com\r\nSubject: resources\r\n\r\nhello\r\n"


@pytest.fixture
def site(new_gateway, new_sink):
    """A maker of (gateway, sink): running, with these settings."""
    def make(preexec=None, relay=None, **settings):
        sink, gateway = new_sink(), new_gateway()
        open_relay(gateway, "out").relay("out", sink, **(relay or {})).set(**settings)
        return gateway.start(preexec=preexec), sink
    return make


def honest(gateway, sink, port=None):
    """A client that connects, sends a message and has it delivered, whatever else is going on."""
    with Client(port or gateway.clear_port, ehlo="honest.example.com") as client:
        id = queue_id(client.message(MAIL))
    sink.wait(lambda: any((" id " + id).encode() in message.data for message in list(sink.messages)), 10, "the honest message")


def open_sessions(gateway):
    return gateway.counter("sessions_open")


def wait_sessions(gateway, count, timeout=10.0):
    wait_for(lambda: open_sessions(gateway) == count, timeout, lambda: "%d sessions (have %d)" % (count, open_sessions(gateway)))


# --- idle crowds: FAULTS 64 ---

@contextlib.contextmanager
def crowd(count, port, sources):
    """That many connections, each greeted and then idle."""
    with contextlib.ExitStack() as stack:
        socks = []
        for i in range(count):
            sock = stack.enter_context(socket.socket())
            sock.bind((sources[i % len(sources)], 0))
            sock.connect(("127.0.0.1", port))
            socks.append(sock)
        for sock in socks:
            sock.settimeout(10 * PATIENCE)
            assert sock.recv(512).startswith(b"220 ")
        yield socks


ONE, FIFTY = ["127.0.0.1"], ["127.0.1.%d" % (i + 1) for i in range(50)]


@pytest.mark.parametrize("sources", [ONE, FIFTY], ids=["one address", "fifty addresses"])
def test_two_thousand_idle_clients_are_in_nobodys_way(site, sources):
    gateway, sink = site(limits__sessions_per_client=0)
    honest(gateway, sink)
    process = Process(gateway).mark()
    with crowd(2000, gateway.clear_port, sources):
        wait_sessions(gateway, 2000)
        honest(gateway, sink)
        assert process.grown() < 64 * 1024, "%d KiB for 2,000 sessions" % process.grown()
        idle = Process(gateway).mark()
        time.sleep(1)
        assert idle.used() < 0.2, "idle sessions cost %.2f s of CPU in a second" % idle.used()
    wait_sessions(gateway, 0)


def test_idle_sessions_with_tls_cost_little_memory_each(site):
    gateway, sink = site()
    count = 2000 if LONG else 300
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    honest(gateway, sink)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Client(gateway.port, ehlo="first.example.com"))
        first.start_tls(context)
        process = Process(gateway).mark()
        for _ in range(count):
            client = stack.enter_context(Client(gateway.port, ehlo="idle.example.com"))
            client.start_tls(context)
            client.say("EHLO idle.example.com", 250)
        each = process.grown() / count
        honest(gateway, sink)
        assert each < 64, "%.1f KiB for each idle session with TLS" % each
    wait_sessions(gateway, 0)


def test_a_handshake_that_does_not_go_on_is_cut(site):
    gateway, sink = site(timeouts__handshake="500ms")
    with socket.create_connection(("127.0.0.1", gateway.tls_port), 10) as sock:
        sock.settimeout(10 * PATIENCE)
        sock.sendall(b"\x16\x03\x01")
        assert sock.recv(100) == b""
    honest(gateway, sink)


def test_more_sessions_than_allowed_are_told_so(site):
    gateway, sink = site(limits__sessions=20)
    with crowd(20, gateway.clear_port, ONE):
        with socket.create_connection(("127.0.0.1", gateway.clear_port), 10) as late:
            assert late.recv(512).startswith(b"421 ")
    wait_sessions(gateway, 0)
    honest(gateway, sink)


# --- slow ones: FAULTS 65, 66 ---

def drip(sock, octets, pause):
    """Sends octet by octet until the other end has had enough; gives what it said then."""
    sock.settimeout(0)
    said = b""
    for i in range(len(octets)):
        try:
            sock.send(octets[i:i + 1])
        except OSError:
            return said
        readable, _, _ = select.select([sock], [], [], pause)
        if readable:
            try:
                part = sock.recv(512)
            except OSError:
                return said
            if not part:
                return said
            said += part
    raise AssertionError("nobody minded; said %r" % said)


def test_an_octet_at_a_time_in_a_command_is_cut(site):
    """The clock of a command does not begin anew with each octet."""
    gateway, sink = site(timeouts__command="1s")
    began = time.monotonic()
    with Client(gateway.clear_port) as client:
        assert drip(client.sock, b"N" * 400, 0.05).startswith(b"421 ")
        assert time.monotonic() - began > 0.9
    wait_sessions(gateway, 0)


def test_an_octet_at_a_time_in_a_message_is_cut(site):
    """Though each octet comes in time, the message as a whole does not."""
    gateway, sink = site(timeouts__message="1s", timeouts__data="1s")
    with Client(gateway.clear_port, ehlo="slow.example.com") as client:
        client.envelope()
        began = time.monotonic()
        client.say("DATA", 354)
        assert drip(client.sock, b"x" * 400, 0.05).startswith(b"421 ")
        assert time.monotonic() - began > 0.9
    wait_sessions(gateway, 0)
    assert gateway.counter("messages") == 0 and not sink.messages


def test_silence_in_a_message_is_cut(site):
    gateway, sink = site(timeouts__message="1h", timeouts__data="500ms")
    with Client(gateway.clear_port, ehlo="slow.example.com") as client:
        client.envelope()
        client.say("DATA", 354)
        client.send(b"Subject: half a mess")
        assert client.reply().code == 421
        assert client.rest() == b""
    assert gateway.counter("messages") == 0


def test_an_honest_slow_client_is_not_cut(site):
    """3 kB in a second, for longer than the time of a command or the time between two pieces."""
    gateway, sink = site(timeouts__command="1s", timeouts__data="1s", timeouts__message="1m")
    text = MAIL + b"a line of a message from a slow place\r\n" * 230
    with Client(gateway.clear_port, ehlo="slow.example.com") as client:
        client.envelope()
        client.say("DATA", 354)
        for at in range(0, len(text), 300):
            client.send(text[at:at + 300])
            time.sleep(0.1)  # this is the speed of the client
        client.send(b".\r\n")
        assert client.reply().code == 250
    sink.wait_messages(1)
    assert sink.messages[0].data.endswith(text)


# --- those who never read: FAULTS 67 ---

def fill(sock, octets):
    """Sends until nothing more is taken for half a second."""
    sock.settimeout(0)
    sent = 0
    while select.select([], [sock], [], 0.5)[1]:
        try:
            sent += sock.send(octets)
        except OSError:
            break
    return sent


def test_clients_that_never_read_are_in_nobodys_way(site):
    gateway, sink = site(timeouts__command="2s")
    process = Process(gateway).mark()
    deaf = [Client(gateway.clear_port) for _ in range(20)]
    threads = [threading.Thread(target=fill, args=(client.sock, b"EHLO deaf.example.com\r\nNOOP\r\n" * 500)) for client in deaf]
    for thread in threads:
        thread.start()
    honest(gateway, sink)
    for thread in threads:
        thread.join(30 * PATIENCE)
        assert not thread.is_alive(), "the gateway takes commands for ever from a client that does not read the replies"
    honest(gateway, sink)
    assert process.grown() < 64 * 1024, "%d KiB for 20 clients" % process.grown()
    wait_sessions(gateway, 0, 15)
    for client in deaf:
        client.close()


# --- those who knock and run: FAULTS 68 ---

def test_a_thousand_that_connect_and_reset(site):
    gateway, sink = site()
    honest(gateway, sink)
    files = Process(gateway).files()
    for i in range(1000):
        Client(gateway.clear_port, greet=i % 2 == 0).reset()
    honest(gateway, sink)
    wait_sessions(gateway, 0)
    wait_for(lambda: Process(gateway).files() <= files + 2, 10, "the descriptors to be closed")


# --- too many recipients: FAULTS 69 ---

@pytest.mark.parametrize("limit", [1000, 100])
def test_recipients_over_the_limit_are_told_452_and_the_others_get_it(site, limit):
    gateway, sink = site(limits__recipients=limit, relay={"max_rcpts": 1000})
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        sender = threading.Thread(target=client.send, args=("".join("RCPT TO:<r%d@example.net>\r\n" % i for i in range(3000)),))
        sender.start()
        codes = [reply.code for reply in client.replies(3000)]
        sender.join()
        assert codes == [250] * limit + [452] * (3000 - limit)
        assert client.text(MAIL).code == 250
    sink.wait(lambda: sum(len(message.rcpts) for message in sink.messages) >= limit, 20, "all recipients")
    gateway.wait_queue_empty()
    assert sorted(rcpt for message in sink.messages for rcpt in message.rcpts) == sorted("r%d@example.net" % i for i in range(limit))


# --- out of descriptors: FAULTS 70 ---

def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def test_clients_cannot_take_the_descriptors_of_deliveries(new_gateway, new_sink):
    """Over what is theirs they are told to come later; mail goes out and an administrator is let in all the while."""
    gateway, port = new_gateway(), free_port()
    open_relay(gateway, "out").relay("out", host="127.0.0.1", port=port).set(queue__retry=["200ms"])
    gateway.start(preexec=few_files)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for _ in range(10):
            assert client.message(MAIL).code == 250
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Client(gateway.clear_port, greet=False)) for _ in range(120)]
        greetings = [client.reply().code for client in crowd]
        assert set(greetings) == {220, 421}
        process = Process(gateway).mark()
        time.sleep(2)  # the time over which it might spin
        assert process.used() < 0.4, "%.2f s of CPU in 2 s" % process.used()
        sink = new_sink(port=port)  # no connection to it is open yet
        sink.wait_messages(10, 15)
        assert open_sessions(gateway) == greetings.count(220)
        assert not gateway.log("accept-paused")
    wait_sessions(gateway, 0)
    honest(gateway, sink)


def test_with_no_descriptor_at_all_accepting_rests(site):
    """Should they run out all the same, it neither spins nor dies."""
    gateway, sink = site()
    honest(gateway, sink)
    process = Process(gateway).mark()
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (process.files() + 5, before[1]))
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.clear_port), 10))
        gateway.wait_log("accept-paused")
        process.mark()
        time.sleep(2)
        assert process.used() < 0.4, "%.2f s of CPU in 2 s" % process.used()
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    wait_for(lambda: gateway.counter("sessions") >= 41, 15, "the crowd to be let in")
    wait_sessions(gateway, 0)
    honest(gateway, sink)


# --- out of memory: FAULTS 71 ---

BIG = MAIL + b"a line of a message that needs memory\r\n" * 8000
CODES = {421, 451, 452}
PLAIN_MALLOC = {"MALLOC_ARENA_MAX": "1"}  # else each thread has 64 MiB reserved that no limit of the address space takes away


class Hungry(threading.Thread):
    """A client with one big message: codes of the replies as they came, until the first that is no success; kept: its 250."""

    def __init__(self, gateway, number):
        super().__init__()
        self.port, self.rcpt, self.codes, self.kept = gateway.clear_port, "b%d@example.net" % number, [], None
        self.start()

    def run(self):
        try:
            with Client(self.port, timeout=10) as client:
                self.converse(client)
        except (EOFError, ConnectionError):
            pass

    def converse(self, client):
        self.codes.append(client.greeting.code)
        for said in (b"EHLO hungry.example.com", b"MAIL FROM:<a@example.com>", b"RCPT TO:<%s>" % self.rcpt.encode(), b"DATA", BIG + b"."):
            if self.codes[-1] >= 400:
                return
            client.send(said + b"\r\n")
            self.codes.append(client.reply().code)
        if self.codes[-1] == 250:
            self.kept = self.rcpt


@contextlib.contextmanager
def memory_limit(process, room):
    """The address space of the process may grow by so many octets."""
    before = resource.prlimit(process.pid, resource.RLIMIT_AS)
    resource.prlimit(process.pid, resource.RLIMIT_AS, ((process.field(process.pid, "VmSize") << 10) + room, before[1]))
    yield
    resource.prlimit(process.pid, resource.RLIMIT_AS, before)


def feed(gateway, count):
    crowd = [Hungry(gateway, number) for number in range(count)]
    for client in crowd:
        client.join(60 * PATIENCE)
        assert not client.is_alive()
    return crowd


@pytest.mark.parametrize("room", [0, 256 << 10, 1 << 20])
def test_without_memory_clients_are_told_and_nothing_is_lost(new_gateway, new_sink, room):
    sink, gateway = new_sink(), new_gateway()
    open_relay(gateway, "out").relay("out", sink).start(env=PLAIN_MALLOC)
    honest(gateway, sink)
    process = Process(gateway)
    with memory_limit(process, room):
        crowd = feed(gateway, 80)
    last = [client.codes[-1] for client in crowd if client.codes and client.codes[-1] >= 400]
    assert set(last) <= CODES and last, "%r" % [client.codes for client in crowd]
    honest(gateway, sink)
    gateway.wait_queue_empty(30)
    arrived = Counter(rcpt for message in sink.messages for rcpt in message.rcpts)
    for client in crowd:
        assert client.kept is None or arrived[client.kept] == 1, "%s: %r" % (client.rcpt, client.codes)
    assert gateway.serving_pid == process.pid


# --- a long queue: FAULTS 72 ---

QUEUED = 1000000 if LONG else 100000
EACH = 256  # octets of memory for a message that waits


def test_a_long_queue_starts_soon_and_takes_little_memory(new_gateway, new_sink):
    gateway, port = new_gateway(), free_port()
    open_relay(gateway, "out").relay("out", host="127.0.0.1", port=port).set(queue__retry=["1h"], spool__segment_size="64M")
    gateway.start()
    bare = gateway.rss()
    smtp_source(gateway.clear_port, QUEUED, sessions=50, size=200, many=True)
    wait_for(lambda: gateway.status()["queue"]["waiting"] == QUEUED, 60, "all of them to wait")
    gateway.stop(60)
    sink = new_sink(port=port)
    gateway.start(timeout=60)
    queue = gateway.status()["queue"]
    assert queue["waiting"] + queue["active"] + len(sink.messages) >= QUEUED
    assert gateway.grew(bare) < 4096 + QUEUED * EACH // 1024, "%d KiB" % gateway.grew(bare)
    assert gateway.ask("queue", "retry", "--all")["code"] == 0
    sink.wait_messages(1, 30)
