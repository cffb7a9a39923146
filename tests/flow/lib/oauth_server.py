"""An OAuth server of the tests' own, over real HTTPS, and the SMTP peer that believes its tokens: refresh tokens that rotate, client credentials,
authorization codes with PKCE, device codes. What it is told to do wrong it does: `broken` answers in its stead."""
import base64
import hashlib
import json
import re
import threading
import time
import urllib.parse

from .https import HttpsServer


class OAuthServer:
    def __init__(self, pair, life=3600):
        self.lock, self.life, self.number = threading.Lock(), life, 0
        self.valid, self.refresh, self.codes, self.devices = set(), set(), {}, {}
        self.broken, self.revoked, self.refusal, self.secrets = None, [], None, {"SECRET-client"}
        self.http = HttpsServer(pair, self.answer)
        self.url = self.http.url

    def close(self):
        self.http.close()

    def asked(self, path="/token"):
        return self.http.count(path)

    def relay_keys(self, **more):
        """Of a relay that logs in here."""
        keys = {"method": "oauth", "user": "relay@example.com", "client_id": "app-1", "client_secret": "SECRET-client", "scope": "smtp.send"}
        keys.update({name + "_url": self.url + path for name, path in (("token", "/token"), ("device", "/device"), ("authorize", "/page"), ("revoke", "/revoke"))})
        return {"auth": {**keys, **more}}

    # --- tokens ---

    def issue(self, rotates=True):
        self.number += 1
        token = {"access_token": "SECRET-access-%d" % self.number, "token_type": "Bearer", "expires_in": self.life}
        self.valid.add(token["access_token"])
        if rotates:
            token["refresh_token"] = "SECRET-refresh-%d" % self.number
            self.refresh.add(token["refresh_token"])
            self.secrets.add(token["refresh_token"])
        self.secrets.add(token["access_token"])
        return token

    def revoke_access(self):
        with self.lock:
            self.valid.clear()

    def revoke_all(self):
        with self.lock:
            self.valid.clear()
            self.refresh.clear()

    # --- answers ---

    def answer(self, request):
        broken = self.broken
        if broken:
            return broken(request)
        form = {name: values[0] for name, values in urllib.parse.parse_qs(request.body.decode()).items()}
        with self.lock:
            status, json_object = getattr(self, "do_" + urllib.parse.urlparse(request.path).path.strip("/"))(form)
        return status, {"Content-Type": "application/json"}, json.dumps(json_object).encode()

    def no(self, error):
        return 400, {"error": error, "error_description": "the server says so"}

    def do_token(self, form):
        if self.refusal:
            return self.no(self.refusal)
        if form.get("client_id") != "app-1" or form.get("client_secret") != "SECRET-client":
            return self.no("invalid_client")
        return getattr(self, "grant_" + re.sub(r".*:", "", form["grant_type"]))(form)

    def grant_client_credentials(self, form):
        return 200, self.issue(False)

    def grant_refresh_token(self, form):
        if form["refresh_token"] not in self.refresh:
            return self.no("invalid_grant")
        self.refresh.discard(form["refresh_token"])  # it works once
        return 200, self.issue()

    def grant_authorization_code(self, form):
        challenge = self.codes.pop(form["code"], None)
        made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        return (200, self.issue()) if challenge == made else self.no("invalid_grant")

    def grant_device_code(self, form):
        said = self.devices.get(form["device_code"])
        return (200, self.issue()) if said == "yes" else self.no(said or "expired_token")

    def do_device(self, form):
        if form.get("client_id") != "app-1" or form.get("client_secret") != "SECRET-client":
            return 401, {"error": "invalid_client"}
        code = "SECRET-device-%d" % len(self.devices)
        self.secrets.add(code)
        self.devices[code] = "authorization_pending"
        return 200, {"device_code": code, "user_code": "ABCD-%d" % len(self.devices), "verification_uri": self.url + "/go", "interval": 1, "expires_in": 600}

    def do_revoke(self, form):
        self.revoked.append(form["token"])
        return 200, {}

    # --- people ---

    def consent(self, page):
        """Somebody opens the page and says yes: the address that the browser is sent to."""
        query = {name: values[0] for name, values in urllib.parse.parse_qs(urllib.parse.urlparse(page).query).items()}
        code = "SECRET-code-%d" % len(self.secrets)
        with self.lock:
            self.secrets.add(code)
            self.codes[code] = query["code_challenge"]
        return query["redirect_uri"] + "?" + urllib.parse.urlencode({"code": code, "state": query["state"]})

    def type_code(self, said="yes"):
        with self.lock:
            for code in self.devices:
                self.devices[code] = said

    # --- the SMTP peer ---

    def smtp_auth(self, json_first=False):
        """For the stage "auth" of a sink: XOAUTH2 and OAUTHBEARER against what is valid here."""
        def check(session, line):
            _, mechanism, initial = (line.split(" ") + [""])[:3]
            text = base64.b64decode(initial).decode()
            user = re.match("user=([^\1]+)\1|n,a=([^,]+),\1", text)
            token = re.search("\1auth=Bearer ([^\1]*)\1\1$", text)
            with self.lock:
                good = user and token and token.group(1) in self.valid
            if good:
                return "235 2.7.0 welcome"
            if json_first:
                session.put(b"334 " + base64.b64encode(b'{"status":"400","schemes":"Bearer"}') + b"\r\n")
                end = session.line()
                assert end == (b"" if mechanism.upper() == "XOAUTH2" else b"AQ=="), end
            return "535 5.7.3 Authentication unsuccessful"
        return check


def token_text(access, refresh, life=3600):
    """A token file, as if somebody had logged in."""
    now = int(time.time() * 1000)
    return json.dumps({"access_token": access, "refresh_token": refresh, "got": now - 120000, "expires": now + life * 1000})
