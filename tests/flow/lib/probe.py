"""One message through a gateway whose probe module does what its options say: what each step heard, and what became of it."""
import base64

from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: hooks\r\nX-Old: there\r\n\r\nhello\r\n"


def login(client, secret="secret"):
    return client.say("AUTH PLAIN " + base64.b64encode(b"\0me\0" + secret.encode()).decode())


def talk(gateway, id_from="a@example.com"):
    """A whole session; the code of each step up to the one that ended it, and the id of the message if there is one."""
    said = {}
    with Client(gateway.clear_port, greet=False) as client:
        steps = [("connect", client.reply), ("ehlo", lambda: client.say("EHLO client.example.com")), ("auth", lambda: login(client)),
                 ("mail", lambda: client.say("MAIL FROM:<%s>" % id_from)), ("rcpt", lambda: client.say("RCPT TO:<b@example.net>")),
                 ("message", lambda: client.text(MAIL))]
        for name, step in steps:
            reply = said[name] = step()
            if reply.code >= 400 and name != "auth":
                try:
                    said["alive"] = client.say("NOOP").code
                except (EOFError, ConnectionError):
                    said["alive"] = None
                return said, None
    return said, queue_id(reply)


def fate(gateway, id):
    """What became of an accepted message in its first round."""
    def known():
        for event in ("done", "later", "discarded", "received-held"):
            if gateway.log(event, id=id):
                return event
        return None
    event = wait_for(known, 10, lambda: "a fate:\n" + gateway.log_text()[-3000:])
    if event != "done":
        return {"later": "waits", "discarded": "discarded", "received-held": "held"}[event]
    if gateway.log("bounced", id=id):
        return "bounced"
    line, = gateway.log("delivered", id=id)
    return "delivered by " + (line["relay"] if not line.get("host", "").startswith("probe") else "probe")


ENDS = {"disconnect"}


def check(gateway, hook, expected, verdict=None):
    said, id = talk(gateway)
    if isinstance(expected, int):
        assert said[hook].code == expected, said
        if hook in ("connect", "ehlo", "mail") and expected == 421 or verdict in ENDS:
            assert said["alive"] is None, "the connection stays open"
        return said, id
    assert fate(gateway, id) == expected, gateway.log_text()[-3000:]
    return said, id
