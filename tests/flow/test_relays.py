"""Relays as an admin meets them: presets of providers, bounds, and gatewayctl relay."""
import os

import pytest

from conftest import open_relay
from lib.gateway import ROOT

SHIPPED = open(os.path.join(ROOT, "conf.d", "05-providers.conf")).read()


@pytest.fixture
def place(new_gateway):
    """A gateway that is only checked, with the shipped presets and modules."""
    gateway = new_gateway()
    gateway.fragments["05-providers"] = SHIPPED
    return gateway.module("20-auth-password", "auth-password", {"users": "STATE/users"}).module("60-routing", "routing")


# --- presets and bounds ---

@pytest.mark.parametrize("provider", ["gmail", "google-relay", "microsoft365", "outlook.com", "zoho-eu", "yahoo", "ses-eu-west-1", "sendgrid", "icloud"])
def test_a_provider_is_all_that_a_relay_need_say(place, provider):
    place.fragments["50-r"] = {"relay": {"name": "r", "domains": ["example.com"], "auth.provider": provider, "auth.user": "u", "auth.password": "p"}}
    answer = place.check()
    assert answer.code == 0 and "50-r.conf" not in answer.err, answer.err


WRONG = {
    "an unknown provider": (
        {"name": "r", "domains": ["example.com"], "auth.provider": "microsoft356", "auth.user": "u", "auth.password": "p"},
        '50-r.conf:3: error: there is no provider "microsoft356", did you mean "microsoft365"?'),
    "one that is in no list needs a host": (
        {"name": "r", "domains": ["example.com"], "auth.provider": "other", "auth.user": "u", "auth.password": "p"},
        "50-r.conf:1: error: relay r has no host"),
    "a sixth domain": (
        {"name": "r", "host": "mx.example", "domains": ["%d.example" % n for n in range(6)]},
        "50-r.conf:3: error: 5.example is one sender domain too many: limits.domains of the gateway is 5"),
    "a login in clear": (
        {"name": "r", "host": "mx.example", "tls": "none", "domains": ["example.com"], "auth.user": "u", "auth.password": "p"},
        "50-r.conf:3: error: relay r logs in over a link without TLS"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_relay_is_told_with_its_line(place, what):
    keys, expected = WRONG[what]
    place.fragments["50-r"] = {"relay": keys}
    answer = place.check()
    assert answer.code == 78 and expected in answer.err, answer.err


def test_a_sixth_relay_for_a_domain(place):
    for number in range(6):
        place.relay("r%d" % number, host="127.0.0.1", domains=["example.com"])
    answer = place.check()
    assert answer.code == 78 and "50-r5.conf:4: error: one relay too many for example.com" in answer.err, answer.err
    assert place.set(limits__relays_per_domain=0).check().code == 0
