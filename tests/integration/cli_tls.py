#!/usr/bin/env python3
"""grapevine-cli, and so libgrapevine, over TLS: whom it trusts, what it shows, and what it says if that does not do."""
import json
import signal
import subprocess
import tempfile

from lib import wait
from lib.claims import check, claim, run
from lib.server import CLI, environment
from lib.tls import Certificates, TlsServer


def cli(port, *words, stdin=""):
    """(exit code, output, what it complained of)"""
    done = subprocess.run([CLI, "-p", str(port), *words], input=stdin, capture_output=True, text=True, timeout=60, check=False,
                          env=environment())
    return done.returncode, done.stdout, done.stderr


def expect_complaint(port, words, *parts):
    code, out, err = cli(port, *words)
    check((code, out), (3, ""), err)
    check(err.count("\n"), 1, "it is one sentence")
    for part in parts:
        check(part in err, True, f"{part} in {err!r}")


@claim
def a_server_of_the_right_authority_is_trusted():
    with TlsServer("--tls-auth-clients", "no", "--key-write-rate", "0") as server:
        words = ["--tls", "--cacert", server.certificates.cert("ca")]
        check(cli(server.tls_port, *words, "ping"), (0, "PONG\n", ""))
        check(cli(server.tls_port, *words, "put", "key", "value")[0], 0)
        check(cli(server.tls_port, *words, "get", "key")[1].rstrip("\n"), "value")


@claim
def a_certificate_is_shown_if_there_is_one():
    with TlsServer() as server:
        words = server.certificates.words()
        check(cli(server.tls_port, *words, "ping"), (0, "PONG\n", ""))
        expect_complaint(server.tls_port, [*words[:3], "ping"], f"127.0.0.1:{server.tls_port}: it wants a certificate of the client's")
        stranger = ["--tls", "--cacert", server.certificates.cert("ca"), "--cert", server.certificates.cert("stranger"), "--key",
                    server.certificates.key("stranger")]
        expect_complaint(server.tls_port, [*stranger, "ping"], f"127.0.0.1:{server.tls_port}: it does not trust the client's certificate")


@claim
def a_server_of_another_authority_is_not_trusted():
    with TlsServer("--tls-auth-clients", "no") as server:
        for words in (["--tls", "--cacert", server.certificates.cert("other-ca")], ["--tls"]):
            expect_complaint(server.tls_port, [*words, "ping"], "its certificate is not trusted: ")
        check(cli(server.tls_port, "--tls", "--insecure", "ping"), (0, "PONG\n", ""))


@claim
def a_folder_of_authorities_will_do():
    with TlsServer("--tls-auth-clients", "no") as server, tempfile.TemporaryDirectory() as folder:
        authority = server.certificates.cert("ca")
        name = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", authority], capture_output=True, text=True, timeout=60,
                              check=True).stdout.strip()
        with open(authority, encoding="ascii") as source, open(f"{folder}/{name}.0", "w", encoding="ascii") as copy:
            copy.write(source.read())
        check(cli(server.tls_port, "--tls", "--cacertdir", folder, "ping"), (0, "PONG\n", ""))


@claim
def a_name_that_is_asked_for_must_be_that_of_the_certificate():
    with TlsServer("--tls-auth-clients", "no") as server:
        words = ["--tls", "--cacert", server.certificates.cert("ca")]
        check(cli(server.tls_port, *words, "--sni", "localhost", "ping"), (0, "PONG\n", ""))
        expect_complaint(server.tls_port, [*words, "--sni", "elsewhere.example", "ping"], "its certificate is not trusted: ", "ostname mismatch")


@claim
def a_port_without_tls_and_a_port_with_it_are_told_apart():
    with TlsServer("--tls-auth-clients", "no") as server:
        expect_complaint(server.port, ["--tls", "--cacert", server.certificates.cert("ca"), "ping"], "it does not speak TLS on this port")
        expect_complaint(server.tls_port, ["ping"], f"127.0.0.1:{server.tls_port}: ")


@claim
def files_that_can_not_be_used_are_named():
    with Certificates() as certificates:
        for words, part in ((["--tls", "--cacert", "/no/such"], "/no/such"), (["--tls", "--cacertdir", "/no/such"], "/no/such"),
                            (["--tls", "--cert", certificates.cert("client")], "only one of them is given"),
                            (["--tls", "--cert", certificates.cert("client"), "--key", certificates.key("server")], certificates.key("server")),
                            (["--cacert", certificates.cert("ca")], "--cacert needs --tls too")):
            for command in (["ping"], ["watch"]):
                code, out, err = cli(1, *words, *command)
                check((code, out, err.count("\n")), (2, "", 1), err)
                check(part in err, True, f"{part} in {err!r}")


@claim
def many_large_values_come_and_go():
    with TlsServer("--key-write-rate", "0", "--limits", "current") as server:
        words = server.certificates.words()
        pairs = [{"key": f"key{number}", "value": str(number) * (200000 if number % 50 == 0 else 100)} for number in range(2000)]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(pairs, file)
            file.flush()
            check(cli(server.tls_port, *words, "bulk", "put", file.name)[0], 0)
        client = server.client()
        check(client("DBSIZE"), 2000)
        for number in (0, 50, 51, 1950, 1999):
            check(cli(server.tls_port, *words, "get", f"key{number}")[1].rstrip("\n") == pairs[number]["value"], True)


@claim
def watching_goes_over_tls_too():
    with TlsServer("--key-write-rate", "0") as server:
        client = server.client()
        watcher = subprocess.Popen([CLI, "-p", str(server.tls_port), *server.certificates.words(), "--json", "watch"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment(), text=True)
        wait.until(lambda: b"cmd=kv.watch" in client("CLIENT", "LIST"), "it watches", 10)
        client("SET", "seen", "x")
        check(json.loads(watcher.stdout.readline())["key"], "seen")
        watcher.send_signal(signal.SIGINT)
        check(watcher.wait(10), 130)
        code, out, err = cli(server.tls_port, "--tls", "--cacert", server.certificates.cert("other-ca"), "watch")
        check((code, out), (3, ""))
        check("its certificate is not trusted: " in err, True, err)


if __name__ == "__main__":
    run()
