"""Microsoft Graph and Gmail as their references say, over real HTTPS: who has a valid token may send, to whom the header names. What the
test wants otherwise is in `answers`, a list of answers (or functions of the request) that are given first."""
import base64
import email
import email.utils
import json
import re
import threading
import urllib.parse

from .https import HttpsServer


class Mail:
    def __init__(self, api, mailbox, data):
        self.api, self.mailbox, self.data = api, mailbox, data
        self.message = email.message_from_bytes(data)
        fields = [value for name in ("To", "Cc", "Bcc") for value in self.message.get_all(name, [])]
        self.rcpts = sorted(address for _, address in email.utils.getaddresses(fields) if address)


class MailApi:
    def __init__(self, pair, tokens):
        """`tokens`: the OAuth server whose tokens are believed."""
        self.tokens, self.lock, self.mails, self.answers = tokens, threading.Lock(), [], []
        self.http = HttpsServer(pair, self.answer)
        self.url = self.http.url

    def close(self):
        self.http.close()

    def asked(self):
        return self.http.count()

    def answer(self, request):
        with self.lock:
            other = self.answers.pop(0) if self.answers else None
        if other is not None:
            given = other(request) if callable(other) else other
            if given != "as usual":
                return given
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        path = urllib.parse.unquote(request.path)
        graph = re.fullmatch("/v1.0/users/([^/]+)/sendMail", path)
        gmail = re.fullmatch(r"/upload/gmail/v1/users/([^/]+)/messages/send\?uploadType=media", path)
        with self.tokens.lock:
            known = bearer in self.tokens.valid
        if not known:
            return (graph_error if graph else gmail_error)(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        if graph and request.headers.get("Content-Type") == "text/plain":
            return self.graph(graph.group(1), request)
        if gmail and request.headers.get("Content-Type") == "message/rfc822":
            return self.gmail(gmail.group(1), request)
        return graph_error(404, "ResourceNotFound", "Resource not found for the segment.")

    def keep(self, mail):
        with self.lock:
            self.mails.append(mail)

    def graph(self, mailbox, request):
        if len(request.body) > 4 << 20:
            return graph_error(413, "RequestEntityTooLarge", "The request is too large.")
        try:
            mail = Mail("graph", mailbox, base64.b64decode(request.body, validate=True))
        except ValueError:
            return graph_error(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
        if not mail.rcpts:
            return graph_error(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
        self.keep(mail)
        return 202, {"request-id": "request-%d" % len(self.mails)}, b""

    def gmail(self, mailbox, request):
        mail = Mail("gmail", mailbox, request.body)
        if not mail.rcpts:
            return gmail_error(400, "invalidArgument", "Recipient address required")
        self.keep(mail)
        return 200, {"Content-Type": "application/json"}, b'{"id":"1","labelIds":["SENT"]}'


def graph_error(status, code, message, **headers):
    body = {"error": {"code": code, "message": message, "innerError": {"request-id": "r"}}}
    return status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode()


def gmail_error(status, reason, message, **headers):
    body = {"error": {"code": status, "message": message, "errors": [{"message": message, "domain": "global", "reason": reason}]}}
    return status, {"Content-Type": "application/json; charset=UTF-8", **headers}, json.dumps(body).encode()
