"""An issuer of tokens of the tests' own: a JWKS over real HTTPS, and JWTs that are signed as it says."""
import base64
import json
import subprocess
import time
from urllib.parse import parse_qs

from .https import HttpsServer


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Issuer:
    def __init__(self, pair, folder):
        self.key, self.kid, self.down = str(folder / "issuer.key"), "one", False
        self.told = {}  # what introspection says of a token; of others: nothing is active
        self.make_key()
        self.http = HttpsServer(pair, self.answer)
        self.url = self.http.url

    def close(self):
        self.http.close()

    def make_key(self, kid="one"):
        self.kid = kid
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        self.modulus = bytes.fromhex(modulus.strip().split("=")[1])

    def answer(self, request):
        if self.down:
            return 503, {}, b""
        if request.path == "/introspect":
            token = parse_qs(request.body.decode())["token"][0]
            return 200, {"Content-Type": "application/json"}, json.dumps(self.told.get(token, {"active": False})).encode()
        keys = [{"kty": "RSA", "kid": self.kid, "use": "sig", "n": b64(self.modulus), "e": "AQAB"}]
        return 200, {"Content-Type": "application/json"}, json.dumps({"keys": keys}).encode()

    def token(self, user="crm@example.com", **more):
        claims = {"iss": self.url, "aud": "smtp", "exp": int(time.time()) + 600, "email": user, **more}
        text = b64(json.dumps({"alg": "RS256", "kid": self.kid}).encode()) + "." + b64(json.dumps(claims).encode())
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(), check=True, capture_output=True).stdout
        return text + "." + b64(signed)
