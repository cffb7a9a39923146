"""gatewayctl explain: which relay would take a message, and why not the others; nothing is sent."""

import pytest

from lib import conf


RELAYS = {
    "mass-eu": {"domains": ["example.com"], "types": ["mass"], "fallback": ["origin"]},
    "flow": {"domains": ["example.com"], "types": ["workflow"]},
    "wide": {"domains": ["*.example.org"]},
    "origin": {},
}


@pytest.fixture
def office(new_gateway, new_sink):
    sink = new_sink()
    gateway = new_gateway()
    gateway.fragments.update(office_fragments(sink))
    gateway.start()
    return gateway, sink
