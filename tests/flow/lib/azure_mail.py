"""Azure Communication Services Email as its reference says, over real HTTPS: requests are signed with the access key, a mail has the number that
its sender gave it and is sent once, and what became of it is said to whoever asks by that number. `answers` as in lib/mail_api.py."""
import base64
import hashlib
import hmac
import json
import threading

from .https import HttpsServer

KEY = base64.b64encode(b"SECRET-access-key-of-32-octets-ok").decode()


class AzureMail:
    def __init__(self, pair):
        self.lock, self.operations, self.posts, self.answers = threading.Lock(), {}, [], []
        self.http = HttpsServer(pair, self.answer)
        self.url = self.http.url

    def close(self):
        self.http.close()

    def mails(self):
        with self.lock:
            return [operation["mail"] for operation in self.operations.values()]

    def is_signed(self, request):
        digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        text = "%s\n%s\n%s;%s;%s" % (request.method, request.path, request.headers["x-ms-date"], request.headers["Host"], digest)
        proof = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
        wanted = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + proof
        return request.headers["x-ms-content-sha256"] == digest and request.headers["Authorization"] == wanted

    def answer(self, request):
        if not self.is_signed(request):
            return error(401, "Denied", "Denied by the resource provider.")
        path, _, query = request.path.partition("?")
        if query != "api-version=2023-03-31":
            return error(400, "BadRequest", "The version is not known.")
        if request.method == "GET" and path.startswith("/emails/operations/"):
            return self.poll(path.rpartition("/")[2])
        if request.method == "POST" and path == "/emails:send":
            return self.post(request)
        return error(404, "NotFound", "Nothing is there.")

    def post(self, request):
        number = request.headers["Operation-Id"]
        with self.lock:
            self.posts.append(number)
            self.operations.setdefault(number, {"mail": json.loads(request.body), "asked": 0})
            other = self.answers.pop(0) if self.answers else None
        if other is not None:
            return other(request)
        return state(202, number, "Running", **{"Retry-After": "1", "Operation-Location": "https://127.0.0.1:1/elsewhere"})

    def poll(self, number):
        with self.lock:
            operation = self.operations.get(number)
            if not operation:
                return error(404, "NotFound", "There is no such operation.")
            operation["asked"] += 1
            asked = operation["asked"]
        return state(200, number, "Running", **{"Retry-After": "1"}) if asked == 1 else state(200, number, "Succeeded")


def state(status, number, word, **headers):
    return status, {"Content-Type": "application/json", **headers}, json.dumps({"id": number, "status": word, "error": None}).encode()


def error(status, code, message):
    return status, {"Content-Type": "application/json"}, json.dumps({"error": {"code": code, "message": message}}).encode()
