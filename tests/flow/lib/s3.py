"""An S3 server that others wrote, behind HTTPS of the tests' own, which sees each request, and may answer it otherwise."""
import http.client
import subprocess
from pathlib import Path

from .https import HttpsServer
from .npm import node
from .waiting import wait_for

SCRIPT = Path(__file__).resolve().parents[2] / "npm" / "s3.js"
HOP = ("connection", "transfer-encoding", "content-length")


class S3:
    """`fault(request)` gives what HttpsServer's `answer` gives, to be said instead; "after": it is done, and nothing said; None: as it is."""

    bucket, key = "mail-archive", "S3RVER"

    def __init__(self, pair, folder):
        self.process = node(SCRIPT, folder, self.bucket, stdout=subprocess.PIPE, text=True)
        self.inner = int(self.process.stdout.readline())
        self.fault = lambda request: None
        self.server = HttpsServer(pair, self.answer)

    def answer(self, request):
        fault = self.fault(request)
        if fault is not None and fault != "after":
            return None if fault == "before" else (*fault[:2], b"" if request.method == "HEAD" else fault[2])
        peer = http.client.HTTPConnection("127.0.0.1", self.inner, timeout=30)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        if request.body or request.method in ("PUT", "POST"):
            headers["Content-Length"] = str(len(request.body))
        peer.request(request.method, request.path, request.body or None, headers)
        answer = peer.getresponse()
        body = answer.read()
        given = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
        given["Content-Length"] = answer.getheader("Content-Length") if request.method == "HEAD" else str(len(body))
        peer.close()
        return None if fault == "after" else (answer.status, given, body)

    def options(self, ca, **more):
        """Of the module archive."""
        options = {"endpoint": self.server.url, "bucket": self.bucket, "region": "eu-central-1", "style": "path", "prefix": "gateway 1/", "access_key": self.key,
                   "secret_key": self.key, "ca_file": ca, "interval": "1s", **more}
        return {"s3." + key: value for key, value in options.items()}

    def asked(self, method, part=""):
        with self.server.lock:
            return [request for request in self.server.requests if request.method == method and part in request.path]

    def close(self):
        self.server.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def says(gateway, line):
    """What `status` says of the archive: "s3", "s3 waiting", "archive"."""
    return {row["what"]: row["value"] for row in gateway.ask("status")["rows"]}.get("85-archive " + line, "")


def until_there(gateway, timeout=20.0):
    """The bucket has all that is archived by now."""
    wait_for(lambda: says(gateway, "s3") == "has everything" and says(gateway, "s3 waiting") == "0 octets", timeout,
             lambda: "%s, %s:\n%s" % (says(gateway, "s3"), says(gateway, "s3 waiting"), gateway.log_text()[-2000:]))
