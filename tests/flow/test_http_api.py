"""The gateway over HTTP: every answer is as the description says, tokens have their bounds, and slow clients cost nobody but themselves."""
import ctypes
import hashlib
import http.client
import json
import os
import re
import socket
import time

import jsonschema
import pytest

from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.sink import Act
from lib.waiting import PATIENCE, wait_for

READ, WRITE, SCOPED, TWO = "gw_read", "gw_write", "gw_scoped", "gw_two"


def row(name, token, **more):
    return {"name": name, "hash": "sha256:" + hashlib.sha256(token.encode()).hexdigest(), **more}


TOKENS = [row("reader", READ), row("writer", WRITE, scope="write"), row("scoped", SCOPED, clients=["other"]), row("two", TWO, clients=["a", "b"])]


class Api:
    def __init__(self, port):
        self.port = port
        self.description = None

    def get(self, path, token=READ, method="GET", headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 * PATIENCE)
        connection.request(method, path, body, headers={**({"Authorization": "Bearer " + token} if token else {}), **(headers or {})})
        answer = connection.getresponse()
        answer.octets = answer.read()
        connection.close()
        return answer

    def connects(self):
        try:
            return self.get("/healthz", None).status == 200
        except OSError:
            return False

    def asked(self, template, method="GET", status=200, token=READ, **at):
        """The answer, which is as the description has it."""
        self.description = self.description or json.loads(self.get("/v1/openapi.json", None).octets)
        path, _, query = template.partition("?")
        answer = self.get(path.format(**at) + ("?" + query if query else ""), token, method)
        assert answer.status == status, (answer.status, answer.octets)
        said = self.description["paths"][path][method.lower()]["responses"]
        said = said.get(str(status), said["default"])
        if "$ref" in said:
            said = self.description["components"]["responses"][said["$ref"].rsplit("/", 1)[1]]
        if "content" not in said:
            assert answer.octets == b""
            return None
        (kind, content), = said["content"].items()
        assert answer.headers["Content-Type"].split(";")[0] == kind
        if not kind.endswith("json"):
            return answer.octets
        value = json.loads(answer.octets)
        jsonschema.Draft202012Validator({**content["schema"], "components": self.description["components"]}).validate(value)
        return value


@pytest.fixture
def api(pair):
    port = free_port()

    def before(gateway):
        gateway.module("40-http", "http", {"listen": "127.0.0.1:%d" % port, "tokens": TOKENS, "timeout": "2s", "connections": 600})
        gateway.module("70-quota", "quota", {}).module("75-bounce", "bounce", {})
    api = Api(port)
    api.gateway, api.sink = pair(before=before)
    wait_for(api.connects, 10, "the API to listen")
    return api


def held_message(api):
    api.gateway.text("relay", "off", "out")
    with Client(api.gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(b"From: a@example.com\r\nSubject: x\r\n\r\nhi\r\n", "a@example.com"))
    return id


def test_every_answer_is_as_the_description_says(api):
    id = held_message(api)
    for template, at in (("/healthz", {}), ("/metrics", {}), ("/v1/openapi.json", {}), ("/v1/status", {}), ("/v1/relays", {}), ("/v1/relays/{name}", {"name": "out"}), ("/v1/quota", {}),
                         ("/v1/messages", {}), ("/v1/messages?to=example&limit=5", {}), ("/v1/messages/{id}", {"id": id}), ("/v1/messages/{id}/history", {"id": id})):
        assert api.asked(template, **at)
    assert [item["id"] for item in api.asked("/v1/messages?status=waiting")["items"]] == [id]
    assert api.asked("/v1/messages?to=nobody")["items"] == []
    for path, at, status in (("/v1/messages/{id}", {"id": "none"}, 404), ("/v1/messages/{id}", {"id": "--all"}, 400), ("/v1/relays/{name}", {"name": "none"}, 404)):
        assert api.asked(path, status=status, **at)["detail"]
    assert api.asked("/v1/messages?nonsense=1", status=400)["detail"]
    assert api.get("/v1/messages?to=a&to=b").status == 400 and api.get("/v1/nothing").status == 404 and api.get("/v1/relays/%zz").status == 400
    wrong = api.get("/v1/relays", method="DELETE")
    assert wrong.status == 405 and wrong.headers["Allow"] == "GET, HEAD"
    assert api.get("/v1/relays", method="HEAD").octets == b"" and api.get("/v1/relays", method="PATCH").status >= 400


SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (-?\d+)')


def test_metrics_are_as_prometheus_reads_them(api):
    """Each family is declared once, before its samples, which stand together; what grows is called so (promtool check metrics says the same)."""
    held_message(api)
    text = api.get("/metrics").octets.decode()
    families, found = [], {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in families and (kind == "counter") == name.endswith("_total")
            families.append(name)
        elif not line.startswith("# HELP "):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert name == families[-1] and (name, labels) not in found
            found[name, labels] = int(value)
    assert found["gateway_queue_messages", '{state="waiting"}'] == 1 and found["gateway_messages_total", None] == 1
    assert "gateway_relay_sent_total" in families and text.endswith("\n")
    assert api.get("/metrics", None).status == 401 and api.get("/metrics", SCOPED).status == 403


def test_bounces_are_as_the_description_says(api):
    api.sink.script["rcpt"] = Act("550 5.1.1 no such user here")
    with Client(api.gateway.clear_port, ehlo="client.example.com") as client:
        client.message(b"From: a@example.com\r\nSubject: x\r\n\r\nhi\r\n", "a@example.com", "jane@example.net")
    wait_for(lambda: api.asked("/v1/bounces")["items"], 10, "the bounce")
    answer = api.asked("/v1/bounces?cursor=0&kind=hard&recipient=jane@example.net&limit=1")
    item, = answer["items"]
    assert item["recipient"] == "jane@example.net" and item["bounce"]["reason"] == "no_such_user" and item["id"] == answer["next"]
    assert api.asked("/v1/bounces?cursor=%d" % answer["next"])["items"] == []
    assert item.items() <= api.asked("/v1/bounces/{id}", id=item["id"]).items()
    assert api.asked("/v1/bounces/{id}", status=404, id=item["id"] + 1)["detail"]
    assert api.get("/v1/bounces/%d" % item["id"], SCOPED).status == 404 and api.asked("/v1/bounces", token=SCOPED)["items"] == []
    assert [row["count"] for row in api.asked("/v1/stats?by=kind,reason")["items"]] == [1]
    event, = wait_for(lambda: api.asked("/v1/events?event=bounce&limit=5")["items"], 10, "the event")
    told, = wait_for(lambda: api.asked("/v1/events?event=bounced")["items"], 10, "the outcome")
    assert (told["relay"], told["code"]) == ("out", 550)
    assert event["bounce_id"] == item["id"] and api.asked("/v1/events?cursor=99", status=400)["detail"]
    where = {"address": "joe@example.net"}
    api.asked("/v1/suppressions/{address}?client=crm&type=mass&days=3", "PUT", 204, WRITE, **where)
    assert "joe@example.net" in json.dumps(api.asked("/v1/suppressions/{address}?client=crm", **where))
    assert "joe@example.net" in json.dumps(api.asked("/v1/suppressions"))
    api.asked("/v1/suppressions/{address}?client=crm&type=mass", "DELETE", 204, WRITE, **where)
    assert "joe@example.net" not in json.dumps(api.asked("/v1/suppressions"))
    said = api.get("/v1/suppressions/jane@example.net", WRITE, "PUT", body='{"client": "crm"}')
    assert said.status == 400 and b"in the query" in said.octets and api.asked("/v1/suppressions")["items"] == []
    assert "by=40-http/writer" in api.gateway.log_text()


def test_a_token_has_its_bounds(api):
    assert [api.get("/v1/relays", token).status for token in (None, "gw_wrong", READ, WRITE, SCOPED)] == [401, 401, 200, 200, 403]
    assert api.get("/v1/bounces/1/read", READ, "POST").status == 403
    id = held_message(api)
    assert api.asked("/v1/messages", token=SCOPED)["items"] == [] and api.get("/v1/messages/" + id, SCOPED).status == 404
    assert api.get("/v1/messages/%s/history" % id, SCOPED).status == 404
    assert api.get("/v1/messages?client=crm", SCOPED).status == 403
    assert api.get("/v1/messages", TWO).status == 400 and api.get("/v1/messages?client=a", TWO).status == 200
    # what a token changes is audited with its name; who has no token learns nothing by asking
    api.get("/v1/suppressions/jane@example.net", WRITE, "PUT")
    text = api.gateway.log_text()
    assert READ not in text and "gw_wrong" not in text


def test_a_reload_takes_tokens_at_once_and_refuses_no_connection(api):
    fragment = api.gateway.fragments["40-http"]["http"]
    kept = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10 * PATIENCE)
    kept.request("GET", "/v1/relays", headers={"Authorization": "Bearer " + READ})
    assert kept.getresponse().read()
    late = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10 * PATIENCE)
    late.connect()
    fragment["tokens"] = TOKENS[1:]
    api.gateway.write()
    api.gateway.text("reload")
    wait_for(lambda: api.get("/v1/relays", READ).status == 401, 10, "the token to be none any more")
    try:
        late.request("GET", "/v1/relays", headers={"Authorization": "Bearer " + READ})
        answer = late.getresponse()
        assert answer.status == 503 and answer.headers.get_all("Connection") == ["close"]
    except OSError:  # half a second after the reload it is cut off
        pass
    assert api.get("/v1/relays", WRITE).status == 200
    with pytest.raises((OSError, http.client.HTTPException)):  # of the instance that was replaced
        kept.request("GET", "/v1/relays", headers={"Authorization": "Bearer " + READ})
        assert kept.getresponse().status == 401
        raise OSError
    for key, value in (("listen", "0.0.0.0:8025"), ("listen", "here"), ("tokens", [{"name": "x", "hash": "sha256:00"}])):
        what = "this machine alone" if key == "listen" else "sha256:"
        before, fragment[key] = fragment[key], value
        answer = api.gateway.check()
        assert answer.code and "40-http.conf:" in answer.err + answer.out and what in answer.err + answer.out
        fragment[key] = before
    fragment["listen"] = "unix:" + api.gateway.state + "/api.sock"
    api.gateway.write()
    api.gateway.text("reload")
    with socket.socket(socket.AF_UNIX) as unix:
        wait_for(lambda: unix.connect_ex(api.gateway.state + "/api.sock") == 0, 10, "the API at its path")
        unix.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 200 " in unix.recv(4096)
    wait_for(lambda: not api.connects(), 10, "the port to be free")


def test_who_drips_hurts_nobody_and_has_an_end(api):
    """More of them than there may be at once: each has two seconds for its request, and the slowest makes room."""
    dripping = []
    before = api.gateway.rss()
    for _ in range(700):
        slow = socket.create_connection(("127.0.0.1", api.port), timeout=10 * PATIENCE)
        slow.sendall(b"GET /v1/rel")
        dripping.append(slow)
    took = []
    for _ in range(20):
        began = time.monotonic()
        assert api.get("/v1/relays").status == 200
        took.append(time.monotonic() - began)
    assert sorted(took)[10] < 1 * PATIENCE and api.gateway.grew(before) < 40 * 1024
    for slow in dripping:
        try:
            while slow.recv(4096):  # until the gateway ends it, however it drips
                slow.sendall(b"a")
        except OSError:
            pass
        slow.close()
    odd = (b"GET /healthz HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"\x00" * 2000, b"GET " + b"/" * 20000 + b" HTTP/1.1\r\n\r\n",
           b"EHLO me\r\nMAIL FROM:<a@b.c>\r\n", b"PUT /v1/suppressions/a HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"GET /healthz HTTP/9.9\r\nA: " + b"b" * 40000 + b"\r\n\r\n")
    for octets in odd:
        with socket.create_connection(("127.0.0.1", api.port), timeout=10 * PATIENCE) as raw:
            try:
                raw.sendall(octets)
                while raw.recv(65536):
                    pass
            except OSError:
                pass
    assert api.connects()


PIDFD_GETFD = 438  # of x86-64 and arm64


def sockets_of(pid, port):
    """Copies of the TCP sockets that a process has on that port of its own."""
    pidfd, own = os.pidfd_open(pid), []
    for name in os.listdir("/proc/%d/fd" % pid):
        fd = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, int(name), 0)
        if fd < 0:
            continue  # closed meanwhile
        try:
            one = socket.socket(fileno=fd)
        except OSError:
            os.close(fd)
            continue
        if one.family == socket.AF_INET and one.type == socket.SOCK_STREAM and one.getsockname()[1] == port:
            own.append(one)
    os.close(pidfd)
    return own


def test_the_end_of_an_answer_waits_for_no_acknowledgement(api):
    with socket.create_connection(("127.0.0.1", api.port)) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        connections = [one for one in sockets_of(api.gateway.serving_pid, api.port) if not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]
        assert connections and all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in connections)
        for one in connections:
            one.close()
