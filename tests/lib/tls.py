"""Certificates made on the fly, and servers that speak TLS.

    with TlsServer() as server:
        server.tls_client()("PING")                 shows the certificate of `client`
        ssl = server.certificates.context("stranger")
"""
import os
import shutil
import ssl
import subprocess
import tempfile

from lib.resp import Client
from lib.server import Server, free_port

DAYS = "2"


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


class Certificates:
    """ca, and signed by it: server, client.  other-ca, and signed by it: stranger."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="grapevine-certificates-")
        for authority in ("ca", "other-ca"):
            self._key(authority)
            _openssl("req", "-x509", "-new", "-key", self.key(authority), "-subj", f"/CN={authority}", "-days", DAYS,
                     "-out", self.cert(authority))
        for name, authority in (("server", "ca"), ("client", "ca"), ("stranger", "other-ca")):
            self.make(name, authority)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        shutil.rmtree(self.folder, ignore_errors=True)

    def key(self, name):
        return os.path.join(self.folder, f"{name}.key")

    def cert(self, name):
        return os.path.join(self.folder, f"{name}.crt")

    def _key(self, name):
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key(name))

    def make(self, name, authority="ca"):
        """A new key and certificate in the files of this name."""
        extensions = os.path.join(self.folder, "extensions")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self._key(name)
        request = os.path.join(self.folder, "request")
        _openssl("req", "-new", "-key", self.key(name), "-subj", f"/CN={name}", "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.cert(authority), "-CAkey", self.key(authority),
                 "-CAcreateserial", "-days", DAYS, "-extfile", extensions, "-out", self.cert(name))

    def options(self, name="server"):
        return ["--tls-cert-file", self.cert(name), "--tls-key-file", self.key(name), "--tls-ca-cert-file",
                self.cert("ca")]

    def context(self, name="client", authority="ca", version=None):
        """For a client that shows the certificate of `name` (None: none) and trusts the authority."""
        context = ssl.create_default_context(cafile=self.cert(authority))
        context.check_hostname = False
        if name is not None:
            context.load_cert_chain(self.cert(name), self.key(name))
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    def words(self, name="client"):
        """The same for redis-cli and redis-benchmark."""
        return ["--tls", "--cacert", self.cert("ca"), "--cert", self.cert(name), "--key", self.key(name)]


class TlsServer(Server):
    """With a tls-port beside the port, and HTTP; with plain=False instead of it."""

    def __init__(self, *options, plain=True, certificates=None, **others):
        super().__init__(*options, http=True, **others)
        self.certificates = certificates or Certificates()
        self.owns_certificates = certificates is None
        self.is_plain = plain
        self.tls_port = 0

    def command_line(self):
        words = [*super().command_line(), *self.certificates.options(), "--tls-port", str(self.tls_port)]
        return words if self.is_plain else [*words, "--port", "0"]

    def start_here(self):
        while self.tls_port in (0, self.port, self.http_port):
            self.tls_port = free_port()
        return super().start_here()

    def start(self):
        self.tls_port = 0
        return super().start()

    def client(self, timeout_s=30):
        return super().client(timeout_s) if self.is_plain else self.tls_client(timeout_s=timeout_s)

    def tls_client(self, name="client", timeout_s=30, context=None, session=None):
        context = context or self.certificates.context(name)
        return Client(self.tls_port, host=self.host, timeout_s=timeout_s, tls=context, session=session)

    def _abandon(self):
        super()._abandon()
        if self.owns_certificates:
            shutil.rmtree(self.certificates.folder, ignore_errors=True)
