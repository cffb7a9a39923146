"""Flow tests: a real gatewayd between real peers. GATEWAY_BUILD names the build folder (default: build/ of this tree), FLOW_LONG=1 asks for the
long forms, FLOW_PATIENCE=3 multiplies every timeout (sanitizer builds), FLOW_KEEP=1 keeps the folders of failed tests."""
import os
import tempfile

import pytest

from lib import registry
from lib.certs import Certificates
from lib import disk as faulty_disk
from lib.client import Client
from lib.gateway import Gateway, built
from lib.sink import Sink

LONG = os.environ.get("FLOW_LONG") == "1"


def pytest_configure(config):
    config.addinivalue_line("markers", "heavy: much load or many processes; sanitizer builds leave it out")
    if not os.path.exists(built("bin", "gatewayd")):
        pytest.exit("no gatewayd in %s: build it, or name the folder in GATEWAY_BUILD" % built("bin"), 2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.failed = True
        for gateway in getattr(item, "gateways", []):
            report.sections.append(("log of %s" % gateway.folder, gateway.log_text()[-6000:]))


@pytest.fixture(scope="session")
def certificates():
    with tempfile.TemporaryDirectory(prefix="flow-certs-") as folder:
        yield Certificates(folder)


def end(gateways, keep):
    for gateway in gateways:
        if keep and os.environ.get("FLOW_KEEP") == "1":
            gateway.alive() and gateway.kill()
        else:
            gateway.remove()


@pytest.fixture
def new_gateway(request, certificates):
    """A maker of gateways, which are not started yet; stopped and removed at the end. One that crashed fails the test."""
    gateways = request.node.gateways = []

    def make(**how):
        gateways.append(Gateway(certificates, **how))
        return gateways[-1]
    yield make
    crashed = [gateway for gateway in gateways if gateway.process and (gateway.process.poll() or 0) not in (0, -9, 64, 69, 70, 71, 73, 78)]
    text = "".join(gateway.log_text()[-4000:] for gateway in crashed)
    odd = [fault for gateway in gateways for fault in registry.faults(gateway.read_log().splitlines())]
    end(gateways, getattr(request.node, "failed", False))
    assert not crashed, "a gateway ended badly:\n" + text
    assert not odd, "lines that are not as events.def says:\n" + "\n".join(odd[:20])


@pytest.fixture
def disk(tmp_path):
    """A disk that fails when it is told to, for the gateway that is started with its `env`."""
    if not os.path.exists(faulty_disk.LIBRARY):
        pytest.skip("faultfs.so is not built")
    return faulty_disk.Disk(tmp_path)


@pytest.fixture
def new_sink():
    sinks = []

    def make(*more, **how):
        sinks.append(Sink(*more, **how))
        return sinks[-1]
    yield make
    for sink in sinks:
        sink.stop()


def open_relay(gateway, *relays):
    """Whoever connects may send to anybody, through these relays: the probe votes, routing sends everything the default way."""
    gateway.probe(options={"rcpt.verdict": "accept", "auth.verdict": "accept"})
    return gateway.module("60-routing", "routing", {"default": list(relays)})


@pytest.fixture
def pair(new_gateway, new_sink):
    """A maker of (gateway, sink): running, everything goes from one to the other. `settings` are keys of the gateway, `relay` of the relay,
    `before(gateway)` changes it before the start; the rest is the sink's."""
    def make(settings=None, relay=None, before=None, start=None, **how):
        sink, gateway = new_sink(**how), new_gateway()
        open_relay(gateway, "out").relay("out", sink, **(relay or {})).set(**(settings or {}))
        if before:
            before(gateway)
        return gateway.start(**(start or {})), sink
    return make


class Plain:
    """A gateway and a sink that the tests of a file share."""

    def __init__(self, certificates):
        self.sink, self.gateway = Sink(), Gateway(certificates)
        open_relay(self.gateway, "out").relay("out", self.sink)

    def client(self, ehlo="client.example.com", **how):
        return Client(self.gateway.clear_port, ehlo=ehlo, **how)

    def arrives(self, id, timeout=10.0):
        """The message with this id, as the sink got it."""
        def found():
            return next((message for message in self.sink.messages if (" id " + id).encode() in message.data[:2000]), None)
        self.sink.wait(lambda: found() is not None, timeout, "message " + id)
        return found()


@pytest.fixture(scope="module")
def make_shared(certificates):
    made = []

    def make(**settings):
        made.append(Plain(certificates))
        made[-1].gateway.set(**settings).start()
        return made[-1]
    yield make
    for plain in made:
        code = plain.gateway.stop() if plain.gateway.alive() else plain.gateway.process.returncode
        log = plain.gateway.log_text()[-4000:]
        plain.sink.stop()
        plain.gateway.remove()
        assert code == 0, "the gateway ended with %s:\n%s" % (code, log)


@pytest.fixture(scope="module")
def shared_plain(make_shared):
    return make_shared()


@pytest.fixture
def plain(shared_plain, request):
    request.node.gateways = [shared_plain.gateway]
    assert shared_plain.gateway.alive(), "the gateway died in an earlier test"
    yield shared_plain
    assert shared_plain.gateway.alive(), "the gateway died:\n" + shared_plain.gateway.log_text()[-4000:]


@pytest.fixture
def probed(new_gateway, new_sink, request):
    """A gateway with the probe as asked, and good answers of it everywhere else; relays out and second."""
    def make(options, sink=None, keys=None, **settings):
        gateway = new_gateway()
        gateway.sink = sink or new_sink()
        gateway.second = new_sink()
        good = {"rcpt.verdict": "accept", "auth.verdict": "accept", "relays": ["out", "second"], "route.verdict": "accept"}
        gateway.probe(options={**good, **options}, **(keys or {}))
        gateway.relay("out", gateway.sink).relay("second", gateway.second).set(queue__retry=["1h"], **settings)
        return gateway.start()
    return make
