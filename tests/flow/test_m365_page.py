"""The page of modules/auth-oauth/README.md, from nothing to mail that leaves through Microsoft 365, word by word against a fake of Entra and Exchange Online."""
import base64
import os
import re
import signal
import subprocess
import urllib.parse

import pytest

from lib.client import Client
from lib.oauth_server import OAuthServer
from lib.waiting import PATIENCE, wait_for
from test_first_start import installed, move_ports  # noqa: F401 (a fixture)

pytestmark = pytest.mark.heavy

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "modules", "auth-oauth", "README.md")
TENANT, APPLICATION = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"


class Entra(OAuthServer):
    """With addresses of the tenant, and an application that is a public client."""

    def answer(self, request):
        path = urllib.parse.urlparse(request.path).path
        assert path.startswith("/%s/oauth2/v2.0/" % TENANT), path
        request.path = {"devicecode": "/device", "token": "/token"}[path.split("/")[-1]]
        return super().answer(request)

    def do_device(self, form):
        assert form == {"client_id": APPLICATION, "scope": "https://outlook.office.com/SMTP.Send offline_access"}, form
        return super().do_device({**form, "client_id": "app-1", "client_secret": "SECRET-client"})

    def do_token(self, form):
        assert form["client_id"] == APPLICATION and "client_secret" not in form
        return super().do_token({**form, "client_id": "app-1", "client_secret": "SECRET-client"})


def replace(path, *pairs):
    with open(path) as file:
        text = file.read()
    for old, new in pairs:
        assert old in text, (path, old)
        text = text.replace(old, new, 1)
    with open(path, "w") as file:
        file.write(text)


def steps():
    """What an admin types in the second and the third step."""
    with open(PAGE) as file:
        text = file.read()
    two, three = text.index("**2. "), text.index("**3. ")
    return (re.search(r"```\n(.*?)```", text[two:three], re.S).group(1), re.search(r"^# (gatewayctl .*)$", text[three:], re.M).group(1))


def test_the_page_is_right_to_the_word(installed, certificates, new_sink):  # noqa: F811
    entra = Entra(certificates.pair("hop"))
    certificate, key = certificates.pair("hop")
    sink = new_sink(users={"-": "-"}, mechanisms="LOGIN XOAUTH2", tls="starttls", certificate=certificate, key=key, script={"auth": entra.smtp_auth()})
    code, said = installed.daemon("--init", "--hostname", "relay.example.com")
    assert code == 0, said
    user, password = re.search(r"shown once: (\S+) (\S+)", said).groups()
    port, _ = move_ports(installed)
    # the fakes' addresses, in the place of Microsoft's, and their authority
    replace(installed.config + "/05-providers.conf", ('host = "smtp.office365.com";  port = 587;', 'host = "127.0.0.1";  port = %d;' % sink.port),
            *[("https://login.microsoftonline.com/", entra.url + "/")] * 3)
    replace(installed.config + "/22-auth-oauth.conf.off", ('# ca_file = "/etc/gateway/idp-ca.pem"', 'ca_file = "%s"' % certificates.ca))
    code, said = installed.daemon()
    assert code == 0, said
    try:
        second, login = steps()
        second = second.replace("/etc/gateway/", installed.prefix + "/etc/gateway/").replace('name = "m365";', 'name = "m365"; ca = "%s";' % certificates.ca)
        shim = 'gatewayctl() { "%s/bin/gatewayctl" --socket "%s" --config "%s" "$@"; }\n' % (installed.prefix, installed.socket, installed.config)
        done = subprocess.run(["bash", "-e", "-c", shim + second], capture_output=True, text=True, timeout=60 * PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        with Client(port, greet=False) as client:  # mail that comes before the login waits
            client.reply()
            client.say("EHLO a.example.com", 250)
            client.start_tls()
            client.say("EHLO a.example.com", 250)
            client.say("AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode(), 235)
            assert client.message(b"From: crm@example.com\r\nSubject: first\r\n\r\nhello\r\n", "crm@example.com", "b@one.example").code == 250
        process = subprocess.Popen(["bash", "-c", shim + login], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        shown = process.stdout.readline()
        assert re.search(r"Open \S+ in a browser, type the code ABCD-1, and log in as relay@example.com", shown), shown
        entra.type_code()
        rest = process.stdout.read()
        assert process.wait() == 0, shown + rest
        assert "There is a token, good until" in rest and "Is it taken at the relay?" in rest, rest
        sink.wait_messages(1)
        assert sink.logins and sink.logins[0][0] == "XOAUTH2" and not [secret for secret in entra.secrets if secret in shown + rest]
    finally:
        with open(os.path.join(installed.state, "pid")) as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists("/proc/%d" % pid), 20, "the end")
        entra.close()
