"""The two that are compared, each in a folder of its own on the same disk: started, watched, stopped. Both have next(), drained(), pids(),
cpu(), syncs(); `flavour` is what they do with a message: plain, tls (in and out), signed."""
import os
import shutil
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "flow"))

from lib.gateway import Gateway, free_port  # noqa: E402
from processes import Syncs, cpu_seconds, memory, read, wait_until  # noqa: E402

# Chosen by trying, on two cores: README.md, "Read with care".
GATEWAY_CONNECTIONS, POSTFIX_CONNECTIONS = 20, 10
DOMAIN, SELECTOR = "example.com", "bench"
WAITING_DOMAIN = "waiting.example"


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Folder:
    """What a run needs beside the servers: the generators, certificates, the key for signatures."""

    def __init__(self, path, tools, certificates):
        self.path, self.tools, self.certificates = path, tools, certificates
        self.key = os.path.join(path, "dkim.pem")
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        os.chmod(self.key, 0o600)

    def tool(self, name):
        return os.path.join(self.tools, name)

    def make(self, name):
        path = os.path.join(self.path, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path


class GatewayServer:
    name = "gateway"

    def __init__(self, folder, flavour, sink_port, waiting=False):
        path = folder.make("gateway-" + flavour)
        self.gateway = Gateway(folder.certificates, folder=path)
        self.port = self.gateway.clear_port
        self.tls_port = self.gateway.port
        self.counter = Syncs(os.path.join(path, "syncs"), folder.tool("sync_count.so"))
        self.configure(folder, flavour, sink_port)
        if waiting:
            self.gateway.relay("waiting", host="127.0.0.1", port=free_port(), domains=[WAITING_DOMAIN])

    def configure(self, folder, flavour, sink_port):
        gateway = self.gateway
        gateway.set(workers=0, spool__segment_size="64M", queue__retry=["1h"], delivery__idle="30s", limits__sessions=50000, limits__sessions_per_client=0)
        gateway.module("10-access", "access", {"clients": [{"name": "bench", "networks": ["127.0.0.1/32"],
                                                           "domains": [DOMAIN, WAITING_DOMAIN]}]})
        gateway.relay("out", host="127.0.0.1", port=sink_port, domains=[DOMAIN], connections=GATEWAY_CONNECTIONS,
                      **({"tls": "starttls", "verify": False} if flavour == "tls" else {}))
        gateway.module("60-routing", "routing")
        if flavour == "signed":
            gateway.module("80-dkim", "dkim", {"keys": [{"domain": DOMAIN, "selector": SELECTOR, "key": folder.key}]}, on_error="wait")

    def start(self):
        self.gateway.start(timeout=600, env=self.counter.env)
        return self

    def stop(self):
        if self.gateway.process and self.gateway.alive():
            self.gateway.stop(timeout=60)

    def pids(self):
        return [self.gateway.pid]

    def cpu(self):
        return cpu_seconds(self.pids())

    def syncs(self):
        return self.counter.count()

    def memory(self):
        return memory(self.pids())

    def queued(self):
        queue = self.gateway.status()["queue"]
        return queue["waiting"], queue["active"]

    def drained(self):
        return self.queued() == (0, 0)


MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {path}/queue
data_directory = {path}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {path}/maillog
maillog_file_prefixes = {path}
import_environment = MAIL_CONFIG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME LD_PRELOAD BENCH_SYNCS
myhostname = relay.example.com
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
relayhost = [127.0.0.1]:{sink_port}
disable_dns_lookups = yes
smtpd_peername_lookup = no
default_process_limit = 200
in_flow_delay = 0
max_use = 10000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_client_recipient_rate_limit = 0
smtp_destination_concurrency_limit = {connections}
initial_destination_concurrency = {connections}
smtp_destination_recipient_limit = 100
smtp_connection_cache_on_demand = yes
smtp_connection_cache_destinations = [127.0.0.1]:{sink_port}
message_size_limit = 52428800
"""

MAIN_CF_TLS = """\
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key} {certificate}
smtpd_tls_session_cache_database =
smtp_tls_security_level = encrypt
smtp_tls_connection_reuse = yes
"""

MAIN_CF_SIGNED = """\
smtpd_milters = inet:127.0.0.1:{milter_port}
milter_default_action = tempfail
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
tlsproxy  unix  - - n -     0 tlsproxy
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

OPENDKIM_CONF = """\
Mode s
Domain {domain}
Selector {selector}
KeyFile {key}
Canonicalization relaxed/relaxed
OversignHeaders From
Socket inet:{milter_port}@127.0.0.1
InternalHosts 127.0.0.1
Background no
AutoRestart no
Syslog no
RequireSafeKeys no
"""


class PostfixServer:
    """An instance of its own; that of the system is never touched."""
    name = "Postfix"

    def __init__(self, folder, flavour, sink_port):
        self.path = folder.make("postfix-" + flavour)
        self.config = os.path.join(self.path, "etc")
        self.port = self.tls_port = free_port()
        self.milter, self.milter_port = None, free_port()
        self.counter = Syncs(os.path.join(self.path, "syncs"), folder.tool("sync_count.so"))
        self.signed = flavour == "signed"
        certificate, key = folder.certificates.pair("gateway")
        self.values = {"path": self.path, "sink_port": sink_port, "port": self.port, "connections": POSTFIX_CONNECTIONS, "certificate": certificate,
                       "key": key, "milter_port": self.milter_port, "domain": DOMAIN, "selector": SELECTOR}
        self.write("etc/main.cf", MAIN_CF + {"tls": MAIN_CF_TLS, "signed": MAIN_CF_SIGNED}.get(flavour, ""))
        self.write("etc/master.cf", MASTER_CF)
        if self.signed:
            self.values["key"] = shutil.copy(folder.key, os.path.join(self.path, "dkim.pem"))
            self.write("opendkim.conf", OPENDKIM_CONF)
        os.mkdir(os.path.join(self.path, "queue"))
        os.mkdir(os.path.join(self.path, "data"))
        shutil.chown(os.path.join(self.path, "data"), "postfix")

    def write(self, name, text):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text.format(**self.values))

    def postfix(self, verb):
        return subprocess.run(["postfix", "-c", self.config, verb], capture_output=True, text=True,
                              env={**os.environ, **self.counter.env, "MAIL_CONFIG": self.config})

    def start(self):
        if self.signed:
            self.milter = subprocess.Popen(["opendkim", "-f", "-x", os.path.join(self.path, "opendkim.conf")], stdin=subprocess.DEVNULL,
                                           env={**os.environ, **self.counter.env})
            wait_until(lambda: listens(self.milter_port), 10, "opendkim to listen")
        done = self.postfix("start")
        if done.returncode != 0:
            raise SystemExit("bench: Postfix does not start: %s%s" % (done.stderr, read(os.path.join(self.path, "maillog"))))
        wait_until(lambda: self.master() and os.path.exists("/proc/%d" % self.master()), 20, "Postfix to start")
        return self

    def stop(self):
        master = self.master()
        self.postfix("stop")
        if master:
            wait_until(lambda: not os.path.exists("/proc/%d" % master), 60, "Postfix to stop", 0.05)
        if self.milter:
            self.milter.terminate()
            self.milter.wait()

    def master(self):
        return int(read(os.path.join(self.path, "queue", "pid", "master.pid")).strip() or 0)

    def pids(self):
        return [self.master()] + ([self.milter.pid] if self.milter else [])

    def cpu(self):
        return cpu_seconds(self.pids())

    def syncs(self):
        return self.counter.count()

    def drained(self):
        """No file in the queues that work is done from."""
        return not any(files for queue in ("incoming", "active", "deferred")
                       for _, _, files in os.walk(os.path.join(self.path, "queue", queue)))
