"""Bad configuration is told in full and changes nothing; good configuration is swapped in whole, without losing a session or a message."""
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import built, free_port
from lib.waiting import PATIENCE, wait_for

MAIL = b"From: a@example.com\r\nSubject: config\r\n\r\nhello\r\n"
EX_CONFIG = 78

GOOD = {
    "00-gateway": 'gateway: {\n  hostname = "relay.example.com";\n  listeners = ( { address = "127.0.0.1"; port = %(port)d; tls = "none"; } );\n};\n',
    "10-access": 'module = "access";\naccess: { };\n',
    "50-out": 'relay: {\n  name = "out";\n  host = "127.0.0.1";\n  port = 9;\n  tls = "none";\n};\n',
    "60-routing": 'module = "routing";\nrouting: { default = ["out"]; };\n',
}


def gateway_with(key):
    return {"00-gateway": 'gateway: {\n  hostname = "relay.example.com";\n  %s;\n};\n' % key}


def listener(keys):
    return {"00-gateway": 'gateway: {\n  listeners = (\n    { address = "127.0.0.1"; port = %%(port)d; tls = "none"; },\n    { %s }\n  );\n};\n' % keys}


def relay(keys, head='name = "bad"; host = "127.0.0.1"; tls = "none";'):
    return {"50-bad": 'relay: {\n  %s\n  %s\n};\n' % (head, keys), "60-routing": 'module = "routing";\nrouting: { default = ["out", "bad"]; };\n'}


def module(name, options, keys="", file="20-bad"):
    return {file: 'module = "%s";\n%s%s: {\n  %s\n};\n' % (name, keys, name, options)}


NO_LISTENERS = "00-gateway.conf:1: warning: there are no listeners: no client can connect"

# What is wrong, the files that say it (they replace those of GOOD), and every problem that is told, in order.
BAD = {
    # the text
    "a value without its equals sign": (
        {"50-bad": 'relay: {\n  name = "bad";\n  port 25;\n};\n'},
        ["50-bad.conf:3: error: syntax error: is a comma, a ';', a quote or a bracket missing here or on the line before?"]),
    "an open quote": (
        {"50-bad": 'relay: {\n  name = "bad;\n};\n'},
        ["50-bad.conf:4: error: syntax error: is a comma, a ';', a quote or a bracket missing here or on the line before?"]),
    "a bracket that is not closed": (
        {"50-bad": 'relay: {\n  name = "bad";\n'},
        ["50-bad.conf:3: error: syntax error: is a comma, a ';', a quote or a bracket missing here or on the line before?"]),
    "a key twice in a group": (
        relay('port = 25;\n  port = 26;'), ["50-bad.conf:4: error: duplicate setting name: this key stands twice in its group"]),
    "an empty file": (
        {"50-bad": ""}, ["50-bad.conf: error: is empty: name it \"....conf.off\" to switch it off"]),
    "a file that is no fragment": (
        {"50-bad": 'something: { };\n'}, ['50-bad.conf: error: is no fragment: one has a group "gateway" or "relay", or module = "NAME", or providers = ( ... )']),
    "two fragments in one file": (
        {"50-bad": 'relay: {\n  name = "bad"; host = "127.0.0.1"; tls = "none";\n};\nmodule = "access";\n'},
        ['50-bad.conf:4: error: "relay" and "module" in one file: one file is one fragment']),
    "a number beyond 32 bits": (
        gateway_with("workers = 4294967298"),
        ['00-gateway.conf:3: error: 4294967298 is too large for a plain number: write 4294967298L, or a text such as "25M" or "4h"',
         NO_LISTENERS]),

    "a number beyond 32 bits, of which the lower 32 are out of range": (
        gateway_with("workers = 99999999999"),
        ['00-gateway.conf:3: error: 99999999999 is too large for a plain number: write 99999999999L, or a text such as "25M" or "4h"',
         NO_LISTENERS]),

    # keys
    "a misspelt key of the gateway": (
        gateway_with('hostnam = "x.example.com"'), ['00-gateway.conf:3: error: unknown key "hostnam", did you mean "hostname"?']),
    "a misspelt key in a group": (
        gateway_with('limits: {\n    recipient = 10;\n  }'),
        ['00-gateway.conf:4: error: unknown key "limits.recipient", did you mean "limits.recipients"?']),
    "a misspelt group": (
        gateway_with('limts: { recipients = 10; }'), ['00-gateway.conf:3: error: unknown key "limts", did you mean "limits"?']),
    "a key that resembles nothing": (
        gateway_with('frobnicate = 1'), ['00-gateway.conf:3: error: unknown key "frobnicate"']),
    "a group's key without its group": (
        gateway_with('tls = "none"'), ['00-gateway.conf:3: error: "tls" must be a group: tls: { ... };']),
    "a misspelt key of a listener": (
        listener('address = "127.0.0.1"; prt = 2600;'),
        ['00-gateway.conf:4: error: "port" is missing, listeners needs it: Port to listen on.',
         '00-gateway.conf:4: error: unknown key "prt", did you mean "port"?']),
    "a misspelt key of a relay": (
        relay('prot = 25;'), ['50-bad.conf:3: error: unknown key "prot", did you mean "port"?']),
    "a misspelt key of a module that is on": (
        relay('falback = ["out"];'), ['50-bad.conf:3: error: unknown key "falback", did you mean "fallback"?']),
    "a misspelt key of a module": (
        module("maildir", 'trase = true;'), ['20-bad.conf:3: error: unknown key "trase", did you mean "trace"?']),
    "a misspelt key beside a module's group": (
        module("maildir", "", keys='on_eror = "wait";\n'), ['20-bad.conf:2: error: unknown key "on_eror", did you mean "on_error"?']),
    "a group of another module": (
        {"20-bad": 'module = "maildir";\nmaildr: { };\n'}, ['20-bad.conf:2: error: unknown key "maildr", did you mean "maildir"?']),

    # values
    "a text for a number": (
        gateway_with('workers = "two"'), ['00-gateway.conf:3: error: "workers" must be a number']),
    "a number for a text": (
        gateway_with('default_type = 3'), ['00-gateway.conf:3: error: "default_type" must be a text in quotes']),
    "a quoted truth": (
        relay('verify = "true";'), ['50-bad.conf:3: error: "verify" must be true or false, without quotes']),
    "a number below its range": (
        gateway_with('limits: { recipients = 0; }'), ['00-gateway.conf:3: error: "limits.recipients" is 0, but must be from 1 to 100000']),
    "a port beyond its range": (
        relay('port = 70000;'), ['50-bad.conf:3: error: "port" is 70000, but must be from 1 to 65535']),
    "a size beyond its range": (
        gateway_with('limits: { message_size = "3G"; }'),
        ['00-gateway.conf:3: error: "limits.message_size" is 3G, but must be from 1K to 2G']),
    "a size that is none": (
        gateway_with('limits: { message_size = "25 MB"; }'), ['00-gateway.conf:3: error: "limits.message_size" must be a size such as "25M"']),
    "a time that is none": (
        gateway_with('timeouts: { command = "5 parsecs"; }'),
        ['00-gateway.conf:3: error: "timeouts.command" must be a time such as "90s", "5m", "4h" or "2d"']),
    "a misspelt word": (
        relay("", 'name = "bad"; host = "127.0.0.1"; tls = "startls";'),
        ['50-bad.conf:2: error: "tls" is "startls", did you mean "starttls"? It can be none, starttls, implicit or opportunistic']),
    "a word that is none of them": (
        relay("", 'name = "bad"; host = "127.0.0.1"; tls = "yes";'),
        ['50-bad.conf:2: error: "tls" is "yes", but must be none, starttls, implicit or opportunistic']),
    "a text for a list of groups": (
        gateway_with('listeners = "127.0.0.1:25"'), ['00-gateway.conf:3: error: "listeners" must be a list of groups: ( { ... }, { ... } )']),
    "a module's value out of its words": (
        module("maildir", 'split = "sender";'), ['20-bad.conf:3: error: "split" is "sender", but must be none or recipient']),
    "a deadline beyond its range": (
        module("maildir", "", keys='deadline = "2h";\n'), ['20-bad.conf:2: error: "deadline" is 2h, but must be from 10ms to 1h']),

    # the gateway
    "no gateway at all": (
        {"00-gateway": None},
        [": error: no *.conf file in it has a gateway group, which says where to listen: gateway: { listeners = ( ... ); };"]),
    "two gateways": (
        {"01-again": "gateway: { };\n"}, ["01-again.conf:1: error: a second gateway group; the first is in 00-gateway.conf:1"]),
    "a host name that is none": (
        {"00-gateway": 'gateway: {\n  hostname = "relay example";\n};\n'},
        ["00-gateway.conf:2: error: hostname must be a domain name: letters, digits, '.' and '-'", NO_LISTENERS]),
    "a pause that is none": (
        gateway_with('queue: { retry = ["5m", "soon"]; }'),
        ['00-gateway.conf:3: error: queue.retry: "soon" is no pause, as "15m" is', NO_LISTENERS]),
    "a log that is no absolute path": (
        gateway_with('log: { path = "log.txt"; }'),
        [NO_LISTENERS, '00-gateway.conf:3: error: log.path must be an absolute path, or "-" for standard error']),
    "a listener without an address": (
        listener('address = "localhost"; port = 2600; tls = "none";'), ['00-gateway.conf:2: error: listener address "localhost" is no IP address']),
    "a listener twice": (
        listener('address = "127.0.0.1"; port = %(port)d; tls = "none";'), ["00-gateway.conf:2: error: there are two listeners on 127.0.0.1:%(port)d"]),
    "logins in clear for everybody": (
        listener('address = "0.0.0.0"; port = 2600; tls = "none"; clear_login = true;'),
        ["00-gateway.conf:2: error: listener 0.0.0.0:2600: clear_login is for loopback addresses only: passwords would travel in clear"]),
    "TLS without a certificate": (
        listener('address = "127.0.0.1"; port = 2600;'),
        ['00-gateway.conf:2: error: listener 127.0.0.1:2600 has tls = "starttls" and no certificate: set tls.certificate in gateway, '
         'certificate in the listener, or tls = "none"']),
    "a certificate that is not there": (
        listener('address = "127.0.0.1"; port = 2600; certificate = "/nowhere/cert.pem";'),
        ['00-gateway.conf:2: error: certificate "/nowhere/cert.pem": No such file or directory']),
    "a certificate that is not there, for two listeners": (
        gateway_with('tls: { certificate = "/nowhere/cert.pem"; };\n'
                     '  listeners = ( { address = "127.0.0.1"; port = 2600; }, { address = "127.0.0.1"; port = 2601; tls = "implicit"; } )'),
        ['00-gateway.conf:3: error: certificate "/nowhere/cert.pem": No such file or directory']),
    "a certificate that is garbage": (
        listener('address = "127.0.0.1"; port = 2600; certificate = "%(garbage)s";'),
        ['00-gateway.conf:2: error: certificate "%(garbage)s": no start line: there is no certificate in PEM form in it']),
    "a key of another certificate": (
        listener('address = "127.0.0.1"; port = 2600; certificate = "%(certificate)s"; key = "%(other_key)s";'),
        ['00-gateway.conf:2: error: key "%(other_key)s": the key does not match the certificate']),

    # relays
    "a relay without a name": (
        relay("", 'host = "127.0.0.1"; tls = "none";'),
        ['50-bad.conf:1: error: "name" is missing, relay needs it: Name of the relay: letters, digits, \'.\', \'_\', \'-\'.']),
    "a relay's name with a blank": (
        relay("", 'name = "my relay"; host = "127.0.0.1"; tls = "none";'),
        ["50-bad.conf:2: error: relay name \"my relay\": letters, digits, '.', '_' and '-' only"]),
    "two relays with one name": (
        {"51-out": 'relay: {\n  host = "127.0.0.1"; tls = "none";\n  name = "out";\n};\n'},
        ['51-out.conf:3: error: there are two relays "out": the other is in 50-out.conf:2']),
    "a relay without a host": (
        relay("", 'name = "bad"; tls = "none";'), ["50-bad.conf:1: error: relay bad has no host"]),
    "a host that is none": (
        relay("", 'name = "bad"; tls = "none";\n  host = ["fine.example.net", "bad host"];'),
        ['50-bad.conf:3: error: host "bad host" is neither a host name nor an address']),
    "the recipients' mail hosts beside others": (
        relay("", 'name = "bad"; tls = "none";\n  host = ["mx", "fine.example.net"];'),
        ['50-bad.conf:3: error: host = "mx" is for itself: other hosts go into a relay of their own, as a fallback of this one']),
    "a login at the recipients' mail hosts": (
        {**module("auth-password", ""), **relay('auth: { user = "me"; password = "secret"; };', 'name = "bad"; host = "mx"; tls = "starttls";')},
        ["50-bad.conf:3: error: relay bad delivers to the recipients' mail hosts, which want no login"]),
    "a source that is no address": (
        relay('source = "eth0";'), ['50-bad.conf:3: error: source = "eth0" is no IP address']),
    "a day in a zone that is none": (
        relay('timezone = "Berlin";'), ['50-bad.conf:3: error: timezone = "Berlin": there is no such zone; '
                                        'zones are named as "Europe/Berlin" or "UTC"']),
    "a relay that logs in in clear": (
        {**module("auth-password", ""), **relay('auth: { user = "me"; password = "secret"; };')},
        ['50-bad.conf:2: error: relay bad logs in over a link without TLS: set tls = "starttls" or "implicit", or clear_login = true']),
    "a relay that may log in in clear": (
        {**module("auth-password", ""),
         **relay('auth: { user = "me"; password = "secret"; };', 'name = "bad"; host = "127.0.0.1"; tls = "opportunistic";')},
        ['50-bad.conf:2: error: relay bad logs in over a link without TLS: set tls = "starttls" or "implicit", or clear_login = true']),
    "a CA file that is not there": (
        relay('ca = "/nowhere/ca.pem";', 'name = "bad"; host = "127.0.0.1"; tls = "starttls";'),
        ['50-bad.conf:2: error: CA file "/nowhere/ca.pem": No such file or directory']),
    "a key of a module that is off": (
        relay('maildir = "/nowhere";'),
        ['50-bad.conf:3: error: maildir belongs to maildir, which is not on: a file with module = "maildir"; in %(config)s turns it on']),
    "a key of a module whose fragment is off": (
        {**relay('maildir = "/nowhere";'), "90-maildir.conf.off": 'module = "maildir";\nmaildir: { };\n'},
        ["50-bad.conf:3: error: maildir belongs to maildir, which is not on: 90-maildir.conf.off"]),
    "a login with no module for it": (
        relay('auth: { user = "me"; password = "secret"; };', 'name = "bad"; host = "127.0.0.1"; tls = "starttls";'),
        ['50-bad.conf:3: error: auth.user belongs to auth-password, which is not on: a file with module = "auth-password"; in %(config)s '
         'turns it on']),
    "a login without a password": (
        {**module("auth-password", ""), **relay('auth: { user = "me"; };', 'name = "bad"; host = "127.0.0.1"; tls = "starttls";')},
        ['50-bad.conf:3: error: relay "bad": auth has a user and no password']),

    # secrets
    "a secret whose file is not there": (
        {**module("auth-password", ""), **relay('auth: { user = "me"; password = "file:/nowhere/secret"; };\n  clear_login = true;')},
        ['50-bad.conf:3: error: "auth.password": secret file /nowhere/secret cannot be read: No such file or directory']),
    "a secret whose file others may read": (
        {**module("auth-password", ""), **relay('auth: { user = "me"; password = "file:%(open_secret)s"; };\n  clear_login = true;')},
        ['50-bad.conf:3: error: "auth.password": secret file %(open_secret)s is open to others: chmod o-rwx %(open_secret)s']),
    "a secret that is not in the environment": (
        {**module("auth-password", ""), **relay('auth: { user = "me"; password = "env:FLOW_NO_SUCH"; };\n  clear_login = true;')},
        ['50-bad.conf:3: error: "auth.password": environment variable FLOW_NO_SUCH is not set']),
    "a secret whose program fails": (
        {**module("auth-password", ""), **relay('auth: { user = "me"; password = "exec:/bin/false"; };\n  clear_login = true;')},
        ['50-bad.conf:3: error: "auth.password": /bin/false gave exit status 1']),

    # modules
    "a module that is not there": (
        {"20-bad": 'module = "antivirrus";\nantivirrus: { };\n'},
        ["20-bad.conf:1: error: %(modules)s/antivirrus.so: cannot be read: No such file or directory"]),
    "a module that is a path": (
        {"20-bad": 'module = "../evil";\n'}, ['20-bad.conf:1: error: "module" must be the name of a module in quotes']),
    "a module's group that is none": (
        {"20-bad": 'module = "maildir";\nmaildir = 3;\n'}, ['20-bad.conf:2: error: "maildir" must be a group: maildir: { ... };']),
    "a module that refuses to start": (
        module("probe", "fail_start = true;"), ["20-bad.conf:1: error: the probe was told to fail"]),
    "a default relay that is not there": (
        {"60-routing": 'module = "routing";\nrouting: {\n  default = ["out", "elsewhere"];\n};\n'},
        ['60-routing.conf:3: error: default names "elsewhere", and there is no such relay']),
    "a fallback that is not there": (
        {"50-out": 'relay: { name = "out"; host = "127.0.0.1"; tls = "none"; fallback = ["nobody"]; };\n'},
        ['50-out.conf:1: error: relay out: fallback names "nobody", and there is no such relay']),
    "a circle of fallbacks": (
        {"50-out": 'relay: { name = "out"; host = "127.0.0.1"; tls = "none"; domains = ["*"];\n  fallback = ["back"]; };\n',
         "51-back": 'relay: { name = "back"; host = "127.0.0.1"; tls = "none";\n\n  fallback = ["out"]; };\n'},
        ["51-back.conf:3: error: relay back: fallback leads in a circle: out -> back -> out"]),
    "a limit that leads to nobody": (
        {"50-out": 'relay: { name = "out"; host = "127.0.0.1"; tls = "none"; domains = ["*"];\n  on_limit = ["out2"]; };\n'},
        ['50-out.conf:2: error: relay out: on_limit names "out2", and there is no such relay']),
    "a time zone that is none": (
        relay('timezone = "Europe/Brelin";'), ['50-bad.conf:3: error: timezone = "Europe/Brelin": there is no such zone; zones are named as "Europe/Berlin" or "UTC"']),
    "a limit that is no number": (
        {**module("quota", ""), **relay('daily_limit = "many";')},
        ['50-bad.conf:3: error: "daily_limit" must be a number or "unlimited"']),
    "a type that is none": (
        {**module("classify", ""), **relay('types = ["masss"];')},
        ['50-bad.conf:3: error: no mail is of the type "masss": known are individual, workflow, mass and the `types` of classify']),
    "an open relay": (
        {"10-access": 'module = "access";\naccess: {\n  clients = ( { name = "all"; networks = ["0.0.0.0/0"]; domains = ["example.com"]; } );\n};\n'},
        ["10-access.conf:3: error: client all would be an open relay: so wide a network needs login = true, or certificates"]),
    "a client known by its network alone": (
        {"10-access": 'module = "access";\naccess: {\n  clients = ( { name = "crm"; networks = ["192.0.2.0/24"]; } );\n};\n'},
        ["10-access.conf:3: error: client crm is known by its network alone: say which sender domains it may use, or set login = true"]),
    "a network that is none": (
        {"10-access": 'module = "access";\naccess: {\n  networks = ["192.0.2.0/33"];\n};\n'},
        ['10-access.conf:3: error: network "192.0.2.0/33" needs a prefix from /0 to /32']),
    "a file of users with a bad line": (
        module("auth-password", 'users = "%(bad_users)s";'),
        ["20-bad.conf:3: error: %(bad_users)s:2: a line is USER:HASH"]),
    "a DKIM key that is not there": (
        module("dkim", 'keys = ( { domain = "example.com"; selector = "s1"; key = "/nowhere/key.pem"; } );'),
        ["20-bad.conf:3: error: example.com: /nowhere/key.pem: No such file or directory"]),
    "a network of the second client": (
        {"10-access": 'module = "access";\naccess: {\n  clients = (\n    { name = "a"; login = true; networks = ["192.0.2.0/24"]; },\n    { name = "b"; login = true;\n'
                      '      networks = ["192.0.2.0/33"]; }\n  );\n};\n'},
        ['10-access.conf:6: error: network "192.0.2.0/33" needs a prefix from /0 to /32']),
    "a client without domains, on its own line": (
        {"10-access": 'module = "access";\naccess: {\n  clients = (\n    { name = "a"; login = true; networks = ["192.0.2.0/24"]; },\n    {\n'
                      '      name = "b"; networks = ["192.0.2.0/24"]; }\n  );\n};\n'},
        ["10-access.conf:5: error: client b is known by its network alone: say which sender domains it may use, or set login = true"]),
    "a selector that is none": (
        module("dkim", 'keys = ( { domain = "example.com";\n    selector = "s 1"; key = "/nowhere/key.pem"; } );'),
        ['20-bad.conf:4: error: domain "example.com", selector "s 1": labels of letters, digits and hyphens are needed']),
    "a field that cannot be signed": (
        module("dkim", 'keys = ( );\n  sign = ["dkim-signature"];'),
        ['20-bad.conf:4: error: sign: "dkim-signature" is no name of a field that can be signed, or is one name too many (64)']),
    "two of a module that counts all mail": (
        {"40-quota": 'module = "quota";\n', "41-quota": '# more\nmodule = "quota";\n'},
        ["41-quota.conf:2: error: a second fragment of quota would count all mail twice: put it into the first one, 40-quota.conf:1"]),
    "two of a module that counts refusals, under other names": (
        {"28-strikes": 'module = "strikes";\n', "70-crm": 'module = "strikes";\n'},
        ["70-crm.conf:1: error: a second fragment of strikes would count each refusal twice: put it into the first one, 28-strikes.conf:1"]),
    "two of a module that counts failures": (
        {"65-failover": 'module = "failover";\n', "66-failover": 'module = "failover";\n'},
        ["66-failover.conf:1: error: a second fragment of failover would count each failure of a relay twice: put it into the first one, 65-failover.conf:1"]),
    "two that rewrite return paths": (
        {"75-bounce": 'module = "bounce";\n', "76-bounce": 'module = "bounce";\n'},
        ["76-bounce.conf:1: error: a second fragment of bounce would judge every reply and rewrite every return path twice: put it into the first one, 75-bounce.conf:1"]),
    "nothing of a module that needs something": (
        {"80-dkim": '# nothing yet\nmodule = "dkim";\n'},
        ['80-dkim.conf:2: error: "keys" is missing, dkim needs it: The keys; several of one domain make several signatures. Those that dkim rotate made are not among them.']),
    "two that say who may send": (
        {"11-access": 'module = "access";\naccess: { logins = false; };\n'},
        ["11-access.conf:1: error: a second fragment of access would allow what the first one forbids: put it into the first one, 10-access.conf:1"]),
    "half a login, on a line of its own": (
        {**module("auth-password", ""), **relay('auth: {\n    user = "me"; };', 'name = "bad"; host = "127.0.0.1"; tls = "starttls";')},
        ['50-bad.conf:4: error: relay "bad": auth has a user and no password']),
}


class Place:
    """A gateway with GOOD in it, and the files that bad configurations name."""

    def __init__(self, gateway, certificates):
        self.gateway = gateway
        self.names = {"port": gateway.clear_port, "config": gateway.config, "modules": gateway.modules, "certificate": certificates.pair("gateway")[0],
                      "other_key": certificates.pair("hop")[1]}
        for name, text, mode in (("garbage", "no certificate\n", 0o600), ("open_secret", "secret\n", 0o644), ("bad_users", "# users\nnobody\n", 0o600)):
            self.names[name] = os.path.join(gateway.folder, name)
            with open(self.names[name], "w") as out:
                out.write(text)
            os.chmod(self.names[name], mode)

    def hold(self, changes):
        self.gateway.fragments = {name: text % self.names for name, text in {**GOOD, **changes}.items() if text is not None}
        return self

    def expected(self, problems):
        return [problem % self.names for problem in problems]

    def said(self, text):
        """Problems as told, files without their folder."""
        return [re.sub(re.escape(self.gateway.config) + r"/(?=[\w.-]+\.conf)|^%s(?=: )" % re.escape(self.gateway.config), "", line)
                for line in text.splitlines() if ": error: " in line or ": warning: " in line]


@pytest.fixture
def place(new_gateway, certificates):
    return Place(new_gateway(), certificates)


def test_good_is_good(place):
    done = place.hold({}).gateway.check()
    assert (done.code, done.err) == (0, "")
    assert done.out == "the configuration is fine: 2 modules, 1 relays, 1 listeners\n"


# Each starts a process for one line of the reader of configurations, which the fuzzer has under ASan.
@pytest.mark.heavy
@pytest.mark.parametrize("what", list(BAD))
def test_a_problem_is_told_with_file_line_and_what_may_be_meant(place, what):
    changes, problems = BAD[what]
    done = place.hold(changes).gateway.check()
    assert place.said(done.err) == place.expected(problems)
    assert (done.code, done.out) == (EX_CONFIG, "")
    assert done.err.splitlines()[-1] == "%d error%s, %d warning%s" % plural(problems)


def plural(problems):
    errors = sum(": error: " in problem for problem in problems)
    warnings = len(problems) - errors
    return errors, "" if errors == 1 else "s", warnings, "" if warnings == 1 else "s"


# Modules are asked when all that they would stand on can be read, so there are two rounds.
TOGETHER = {
    "in what is read": ["a misspelt key of a listener", "a misspelt key of a module", "a misspelt key of a relay", "two relays with one name",
                        "a key that stands alone"],
    "in what modules say": ["an open relay", "a file of users with a bad line", "a default relay that is not there"],
}
BAD["a key that stands alone"] = (
    {"70-more": "relay: {\n  nonsense\n};\n"},
    ["70-more.conf:3: error: syntax error: is a comma, a ';', a quote or a bracket missing here or on the line before?"])


@pytest.mark.parametrize("where", list(TOGETHER))
def test_all_problems_of_all_files_are_told_in_one_go(place, where):
    changes = {name: text for what in reversed(TOGETHER[where]) for name, text in BAD[what][0].items()}
    expected = [problem for what in TOGETHER[where] for problem in BAD[what][1]]
    done = place.hold(changes).gateway.check()
    assert sorted(place.said(done.err)) == sorted(place.expected(expected))
    assert (done.code, done.err.splitlines()[-1]) == (EX_CONFIG, "%d error%s, %d warning%s" % plural(expected))


BAD_MODULES = {
    "major": "is built for module ABI 2, this gateway speaks 1",
    "newer": "newer 1.4 needs module ABI 1.7, this gateway has 1.0",
    "nothing": "is not a gateway module: it has no symbol gw_module_v1",
    "undefined": "cannot be loaded: undefined symbol: gateway_internal_function",
    "othername": 'says it is the module "somebody", "othername" was expected',
    "text": "cannot be loaded: file too short",
    "writable": "everybody may write it (mode 777); a module must not be writable by others: chmod o-w",
    "folder": "is no file",
}


@pytest.mark.parametrize("name", list(BAD_MODULES))
def test_a_module_that_does_not_load_tells_its_file_what_was_expected_and_what_was_found(place, name):
    path = os.path.join(place.gateway.modules, name + ".so")
    if name == "text":
        with open(path, "w") as out:
            out.write("no module\n")
    elif name == "folder":
        os.mkdir(path)
    elif name == "writable":
        with open(path, "w"):
            os.chmod(path, 0o777)
    else:
        os.symlink(built("tests", "modules", "bad", name + ".so"), path)
    done = place.hold({"20-bad": 'module = "%s";\n%s: { };\n' % (name, name)}).gateway.check()
    assert place.said(done.err) == ["20-bad.conf:1: error: %s: %s" % (path, BAD_MODULES[name])]
    assert done.code == EX_CONFIG


# --- a start that fails ---

def port_open(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def start_fails(gateway, code):
    gateway.launch()
    assert gateway.wait_end() == code
    assert not port_open(gateway.clear_port) and not os.path.exists(gateway.socket_path)
    return gateway.log_text()


@pytest.mark.parametrize("what", ["a misspelt key of a relay", "a certificate that is garbage", "a module that is not there",
                                  "a module that refuses to start", "two relays with one name", "an open relay"])
def test_nothing_starts_with_a_bad_configuration(place, what):
    changes, problems = BAD[what]
    place.hold(changes)
    assert place.said(start_fails(place.gateway, EX_CONFIG)) == place.expected(problems)
    assert not os.path.exists(os.path.join(place.gateway.state, "spool"))


def test_nothing_starts_when_a_port_is_taken(place):
    place.hold({})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", place.gateway.clear_port))
        taken.listen()
        place.gateway.launch()
        assert place.gateway.wait_end() == 69
    assert "cannot listen on 127.0.0.1:%d: Address already in use" % place.gateway.clear_port in place.gateway.log_text()


# --- reload ---

def reload(gateway, how="ctl"):
    """True: the new configuration is in use."""
    gateway.write()
    def ends():
        return [line for line in gateway.log() if line["event"] in ("reloaded", "reload-failed")]
    before = len(ends())
    if how == "ctl":
        code = gateway.run_ctl("reload").code
    else:
        gateway.process.send_signal(signal.SIGHUP)
    fine = wait_for(lambda: ends()[before:], 10, "the reload")[-1]["event"] == "reloaded"
    assert how != "ctl" or code == (0 if fine else EX_CONFIG)
    return fine


def sends(gateway, sink, port=None):
    """A message goes in at this port and comes out there."""
    count = len(sink.messages)
    with Client(port or gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL))
    sink.wait(lambda: any((" id " + id).encode() in message.data for message in sink.messages[count:]), what="message " + id)


@pytest.mark.parametrize("how", ["ctl", "SIGHUP"])
@pytest.mark.parametrize("what", ["an open quote", "a misspelt key of a relay", "a listener without an address", "a module that is not there",
                                  "a module that refuses to start", "a secret whose file is not there", "a default relay that is not there"])
def test_a_reload_that_fails_changes_nothing(pair, certificates, what, how):
    gateway, sink = pair()
    place, good, modules = Place(gateway, certificates), gateway.fragments, gateway.ctl("modules")
    changes, problems = BAD[what]
    with Client(gateway.clear_port, ehlo="before.example.com") as before:
        before.envelope()
        place.hold(changes)  # had anything of it been used, nobody could send any more
        assert not reload(gateway, how)
        assert place.said("\n".join(line["text"] for line in gateway.log() if line["event"].startswith("configuration"))) == place.expected(problems)
        assert before.text(MAIL).code == 250
    sends(gateway, sink)
    assert gateway.ctl("modules") == modules
    gateway.fragments = good
    assert reload(gateway, how)
    sends(gateway, sink)


def test_a_failed_reload_is_answered_with_the_problems(pair):
    gateway, _ = pair()
    gateway.relay("bad", host="127.0.0.1", prot=25).write()
    path, text = os.path.join(gateway.config, "50-bad.conf"), 'unknown key "prot", did you mean "port"?'
    answer = gateway.run_ctl("reload")
    assert answer.code == EX_CONFIG and "%s:4: error: %s" % (path, text) in answer.out + answer.err
    assert (answer.out + answer.err).splitlines()[-1].endswith("nothing changed: the gateway goes on as it was")
    assert gateway.ask("reload")["data"] == {"errors": 1, "warnings": 0, "problems": [{"file": path, "line": 4, "fatal": True, "text": text}]}


def test_a_reload_to_a_taken_port_changes_nothing(pair):
    gateway, sink = pair()
    fresh = free_port()
    listeners = gateway.fragments["00-gateway"]["gateway"]["listeners"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        gateway.set(listeners=[{"address": "127.0.0.1", "port": fresh, "tls": "none"},
                               {"address": "127.0.0.1", "port": taken.getsockname()[1], "tls": "none"}])
        assert not reload(gateway)
    assert not port_open(fresh)
    sends(gateway, sink, listeners[0]["port"])


def test_a_reload_swaps_listeners_and_relays(pair, new_sink):
    gateway, sink = pair()
    old, fresh, other = gateway.clear_port, free_port(), new_sink()
    kept = gateway.fragments["00-gateway"]["gateway"]["listeners"]
    with Client(old, ehlo="before.example.com") as before, Client(old, ehlo="idle.example.com") as idle:
        before.envelope()
        gateway.set(listeners=[{"address": "127.0.0.1", "port": fresh, "tls": "none"}] + kept[1:]).relay("other", other)
        gateway.module("60-routing", "routing", {"default": ["other"]})
        assert reload(gateway)
        wait_for(lambda: not port_open(old), what="the old port to be closed")
        sends(gateway, other, fresh)
        # Who was connected goes on: a transaction on what it began with, the next one on what is in use.
        assert before.text(MAIL).code == 250
        id = queue_id(before.message(MAIL))
        wait_for(lambda: any((" id " + id).encode() in message.data for message in sink.messages + other.messages), what="message " + id)
        idle.say("NOOP", 250)
    gateway.set(listeners=kept)
    assert reload(gateway)
    wait_for(lambda: port_open(old) and not port_open(fresh), what="the old port to be back")
    sends(gateway, other, old)
    gateway.wait_queue_empty()
    assert len(sink.messages) + len(other.messages) == 4


def test_a_reload_brings_a_module_and_takes_it_away(pair):
    gateway, sink = pair()
    gateway.probe("70-mark", {"add_header": "X-Mark: here"})
    assert reload(gateway)
    sends(gateway, sink)
    assert sink.messages[-1].header("X-Mark") == "here"
    del gateway.fragments["70-mark"]
    assert reload(gateway)
    sends(gateway, sink)
    assert sink.messages[-1].header("X-Mark") is None


class Sender(threading.Thread):
    """Hands in message after message over one session until told to stop, or the session is cut."""

    def __init__(self, gateway, number, stop):
        super().__init__(daemon=True)
        self.gateway, self.number, self.stop = gateway, number, stop
        self.kept, self.trouble = [], None

    def run(self):
        try:
            with Client(self.gateway.clear_port, ehlo="load%d.example.com" % self.number) as client:
                while not self.stop.is_set():
                    self.kept.append(queue_id(client.message(MAIL)))
                client.say("QUIT", 221)
        except Exception as why:
            self.trouble = why


def test_85_a_storm_of_reloads_loses_no_session_and_no_message(pair):
    gateway, sink = pair()
    stop = threading.Event()
    senders = [Sender(gateway, number, stop) for number in range(8)]
    for sender in senders:
        sender.start()
    fresh = free_port()
    kept = gateway.fragments["00-gateway"]["gateway"]["listeners"]
    for i in range(100 if PATIENCE <= 2 else 20):
        gateway.set(listeners=kept + ([{"address": "127.0.0.1", "port": fresh, "tls": "none"}] if i % 2 else []))
        gateway.write()
        if i % 10 == 9:
            gateway.process.send_signal(signal.SIGHUP)
        assert gateway.ask("reload")["code"] == 0
    wait_for(lambda: all(len(sender.kept) >= 10 or sender.trouble for sender in senders), 30, "ten messages of each sender")
    stop.set()
    for sender in senders:
        sender.join(30 * PATIENCE)
        assert sender.trouble is None and not sender.is_alive(), sender.trouble
    ids = [id for sender in senders for id in sender.kept]
    gateway.wait_queue_empty(30)
    arrived = [re.search(rb"\bid (\S+)", message.data).group(1).rstrip(b";").decode() for message in sink.messages]
    assert sorted(arrived) == sorted(ids)
    sends(gateway, sink)


# --- secrets ---

SECRETS = {"file": "file-secret-7041", "env": "env-secret-7042", "exec": "exec-secret-7043", "text": "text-secret-7044"}


def test_53_secrets_are_in_no_log_no_list_of_processes_and_no_answer(new_gateway, new_sink):
    """Each comes from another place, each is used for a login that fails, and the log is at its most talkative."""
    sink, gateway = new_sink(users={"me": "another"}, require_login=True), new_gateway()
    open_relay(gateway, *SECRETS).set(log__level="debug").module("45-auth", "auth-password")
    file, program = (os.path.join(gateway.folder, name) for name in ("secret", "program"))
    for path, text, mode in ((file, SECRETS["file"] + "\n", 0o600), (program, "#!/bin/sh\ncat %s.out\n" % program, 0o700),
                             (program + ".out", SECRETS["exec"] + "\n", 0o600)):
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
    said = {"file": "file:" + file, "env": "env:FLOW_SECRET", "exec": "exec:" + program, "text": SECRETS["text"]}
    for name, password in said.items():
        gateway.relay(name, sink, auth__user="me", auth__password=password, clear_login=True, fallback=[other for other in SECRETS if other > name])
    os.environ["FLOW_SECRET"] = SECRETS["env"]
    try:
        checked = gateway.check()
        gateway.start()
    finally:
        del os.environ["FLOW_SECRET"]
    assert checked.code == 0, checked.err
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL))
    sink.wait(lambda: {secret for _, _, secret, _ in sink.logins} == set(SECRETS.values()), what="a login with each secret")
    answers = [gateway.run_ctl(*words) for words in (["status"], ["modules"], ["hooks"], ["options"], ["check"], ["reload"], ["queue", "list"],
                                                     ["queue", "show", id], ["message", "explain", id], ["--json", "status"],
                                                     ["--json", "message", "explain", id])]
    processes = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True).stdout
    texts = [checked.out, checked.err, processes, gateway.log_text()] + [answer.out + answer.err for answer in answers]
    assert not sink.messages
    gateway.stop()
    kept_fragments = os.path.join(gateway.state, "good")
    for folder, _, names in os.walk(gateway.state):
        for name in names:
            if folder == kept_fragments:  # they hold what the fragments hold, for the same user alone
                assert os.stat(os.path.join(folder, name)).st_mode & 0o777 == 0o600
                continue
            with open(os.path.join(folder, name), "rb") as kept:
                texts.append(kept.read().decode("latin-1"))
    for secret in SECRETS.values():
        assert not [text for text in texts if secret in text], secret
