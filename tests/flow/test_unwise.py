"""What is configured so that it works, and does harm: --check has a word for it."""
import os
import re
import subprocess

import pytest

RELAY = 'relay: { name = "r"; domains = ["example.com"]; %s };\n'
LOGIN = 'auth: { user = "u"; password = "p"; };'


SHIPPED = open(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "conf.d", "05-providers.conf")).read()


@pytest.fixture
def place(new_gateway):
    gateway = new_gateway()
    gateway.module("20-auth-password", "auth-password", {}).module("60-routing", "routing")
    gateway.relay("out", host="127.0.0.1", port=9)
    gateway.fragments["05-providers"] = SHIPPED
    return gateway


WARNED = {
    "a password for whoever answers": ('host = "smtp.example.net"; port = 587; verify = false; ' + LOGIN, "warning: relay r: with verify = false the password goes"),
    "a password in clear": ('host = "smtp.example.net"; port = 587; tls = "none"; clear_login = true; ' + LOGIN, "the password may go over the network in clear"),
    "STARTTLS on port 465": ('host = "smtp.example.net"; port = 465;', 'tls = "implicit" is usual there'),
    "implicit TLS on port 587": ('host = "smtp.example.net"; port = 587; tls = "implicit";', 'tls = "starttls" is usual there'),
    "tokens that nobody fetches": ('host = "smtp.example.net"; port = 587; auth: { user = "u"; method = "oauth"; };', "no module that fetches tokens is on"),
    "a mechanism that there is not": ('host = "smtp.example.net"; port = 587; auth: { user = "u"; password = "p"; mechanisms = ["NTLM", "PLAIN"]; };',
                                      "the gateway cannot log in by NTLM"),
    "no mechanism that there is": ('auth: { provider = "outlook.com"; user = "u"; password = "p"; };', "of its login mechanisms the gateway has none"),
}


@pytest.mark.parametrize("what", WARNED)
def test_what_is_unwise_is_said(place, what):
    text, expected = WARNED[what]
    place.fragments["50-r"] = RELAY % text
    answer = place.check()
    assert answer.code == 0 and "warning" in answer.err and expected in answer.err, answer.err


WARNED["an unusual port"] = ('host = "smtp.example.net"; port = 2626;', "50-r.conf:1: warning: W-PORT: mail is seldom taken on port 2626")


FINE = ['host = "smtp.example.net"; port = 465; tls = "implicit"; ' + LOGIN, 'host = "127.0.0.1"; port = 465; verify = false; ' + LOGIN,
        'host = "smtp.example.net"; port = 587; ' + LOGIN]


@pytest.mark.parametrize("text", FINE)
def test_and_nothing_else(place, text):
    place.fragments["50-r"] = RELAY % text
    answer = place.check()
    assert answer.code == 0 and "50-r.conf" not in answer.err, answer.err


@pytest.mark.parametrize("domain, told", [("user@example.com", True), ("exa mple.com", True), (".example.com", True), ("*.example.com", False), ("*", False),
                                          ("m\u00fcnchen.example", False)])
def test_a_domain_that_is_none(place, domain, told):
    place.fragments["50-r"] = 'relay: { name = "r"; host = "smtp.example.net"; domains = ["%s"]; };\n' % domain
    answer = place.check()
    assert (answer.code != 0) == told and ("50-r.conf:1: error: \"%s\" can be no domain" % domain in answer.err) == told, answer.err


def warning_of(place, name, words):
    """The warning of that fragment with these words, or None."""
    answer = place.check()
    assert answer.code == 0, answer.err
    lines = [line for line in answer.err.splitlines() if words in line]
    assert all(re.search(r"%s\.conf:\d+: warning: " % name, line) for line in lines), answer.err
    return lines[0] if lines else None


def test_a_sender_domain_without_a_key(place):
    key = os.path.join(place.folder, "dkim.pem")
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    os.chmod(key, 0o600)
    keys = 'module = "dkim"\ndkim: { keys = ( { domain = "example.com"; selector = "s1"; key = "%s"; %s } ); };\n'
    for domains, more, told in (('"example.com", "example.org"', "", "example.org"), ('"example.com", "*.example.com"', "", "*.example.com"),
                                ('"example.com", "*.example.com"', "subdomains = true;", None), ('"example.com"', "", None)):
        place.fragments["80-dkim"] = keys % (key, more)
        place.fragments["50-r"] = 'relay: { name = "r"; host = "smtp.example.net"; domains = [%s]; };\n' % domains
        warning = warning_of(place, "50-r", "no DKIM key signs for")
        assert (warning is not None) == (told is not None), (domains, warning)
        assert not told or warning.endswith("no DKIM key signs for %s: its mail leaves unsigned" % told)


@pytest.mark.parametrize("one, direct, told", [
    ("", 'domains = ["example.com"];', True), ("", 'domains = ["*"];', True),
    ("", "", False), ("", 'domains = ["example.org"];', False),
    ('fallback = ["wait"];', 'domains = ["example.com"];', False), ('fallback = ["direct"];', 'domains = ["example.com"];', False),
    ('types = ["mass"];', 'domains = ["example.com"]; types = ["individual"];', False),
    ('types = ["mass"];', 'domains = ["example.com"]; types = ["individual", "mass"];', True)])
def test_direct_delivery_that_is_everybodys_next_relay(place, one, direct, told):
    place.fragments["50-r"] = RELAY % ('host = "smtp.example.net"; ' + one)
    place.fragments["51-direct"] = 'relay: { name = "direct"; host = "mx"; %s };\n' % direct
    warning = warning_of(place, "51-direct", "delivers directly")
    assert (warning is not None) == told and (not told or "whenever relay r fails" in warning), warning


@pytest.mark.parametrize("default, host, told", [('"local"', True, True), ('"local", "out"', True, True), ('"out", "local"', True, False), ('"local"', False, False)])
def test_a_default_that_keeps_bounces_in_a_folder(place, default, host, told):
    if not host:
        del place.fragments["50-out"]
    place.fragments["90-maildir"] = 'module = "maildir"\n'
    place.fragments["51-local"] = 'relay: { name = "local"; maildir = "%s"; };\n' % os.path.join(place.folder, "box")
    place.fragments["60-routing"] = 'module = "routing"\nrouting: { default = [%s]; };\n' % default
    warning = warning_of(place, "60-routing", "which has no host")
    assert (warning is not None) == told, warning


@pytest.mark.parametrize("network, wrong", [("0.0.0.0/0", True), ("::/0", True), ("0.0.0.0/1", True), ("127.0.0.0/8", False), ("2001:db8::/32", False)])
def test_who_may_speak_for_others_is_not_everybody(place, network, wrong):
    place.fragments["00-gateway"] = {"gateway": {"hostname": "relay.example.com", "listeners": [
        {"address": "127.0.0.1", "port": 2600, "tls": "none", "proxy_from": [network]}]}}
    answer = place.check()
    assert ("anybody could say to be anybody" in answer.err) == wrong, answer.err
    assert answer.code == (78 if wrong else 0), answer.err


def test_a_nul_hides_nothing(place):
    place.fragments["50-r"] = 'relay: { name = "r"; host = "smtp.example.net"; domains = ["example.com"]; };\n\0 verify = ;\n'
    answer = place.check()
    assert answer.code == 78 and "there is a NUL in it" in answer.err, answer.err


def test_one_mistake_is_one_error(place):
    broken = {"00-gateway": 'gateway: { hostname = "relay.example.com" listeners = ( ; };\n', "60-routing": 'module = "routing"\nrouting: { default = ["out" ; };\n'}
    for name, text in broken.items():
        whole, place.fragments[name] = place.fragments.get(name), text
        answer = place.check()
        errors = [line for line in answer.err.splitlines() if ": error:" in line]
        assert answer.code == 78 and len(errors) == 1 and name in errors[0], answer.err
        place.fragments[name] = whole
        if whole is None:
            del place.fragments[name]


@pytest.mark.parametrize("days, mode, told", [(1, 0o600, "it expires within 14 days"), (300, 0o644, "everybody on this machine may read"),
                                              (300, 0o600, None)])
def test_a_certificate_that_will_be_refused(place, days, mode, told):
    path = os.path.join(place.folder, "own")
    key, certificate = path + ".key", path + ".pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-days", str(days),
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    os.chmod(key, mode)
    place.fragments["00-gateway"] = {"gateway": {"hostname": "relay.example.com", "tls": {"certificate": certificate, "key": key},
                                                 "listeners": [{"address": "127.0.0.1", "port": 2600, "tls": "starttls"}]}}
    answer = place.check()
    lines = [line for line in answer.err.splitlines() if certificate in line or key in line]
    assert answer.code == 0 and (len(lines) == 1 and told in lines[0] if told else not lines), answer.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is asked whom to serve as")
def test_root_serves_as_root_only_when_told(place):
    place.write()
    command = [word for word in place.command("--check") if word not in ("--user", "root")]
    answer = subprocess.run(command, capture_output=True, text=True)
    known = subprocess.run(["getent", "passwd", "gateway"], capture_output=True).returncode == 0
    assert (answer.returncode != 67) == known, answer.stderr
    assert known or "say --user root" in answer.stderr, answer.stderr
