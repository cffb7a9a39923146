"""Certificates for one run of the tests, made by openssl: an authority, and servers good and bad."""
import os
import subprocess


class Certificates:
    """Folder with ca.pem and, for each name, NAME.pem (chain) and NAME.key."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=flow authority",
                 "-keyout", "ca.key", "-out", "ca.pem")
        self.ca = self.path("ca.pem")
        self.issue("gateway", "DNS:relay.example.com,DNS:localhost,IP:127.0.0.1")
        self.issue("hop", "DNS:hop.example.net,DNS:localhost,IP:127.0.0.1")
        self.issue("wrong", "DNS:somebody.else.example")
        self.issue("expired", "DNS:localhost,IP:127.0.0.1", days="-1")
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "selfsigned.key", "-out", "selfsigned.pem")

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def issue(self, name, names, days="30"):
        with open(self.path(name + ".ext"), "w") as out:
            out.write("subjectAltName=%s\n" % names)
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key", "-out",
                 name + ".csr")
        self.run("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", days, "-extfile",
                 name + ".ext", "-out", name + ".pem")

    def pair(self, name):
        return self.path(name + ".pem"), self.path(name + ".key")
