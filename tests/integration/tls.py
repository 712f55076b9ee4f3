#!/usr/bin/python3
"""TLS: on its own port for Redis's protocol, on the HTTP port beside plain HTTP; client certificates, renewing
certificates, clients that fail."""
import contextlib
import os
import re
import select
import socket
import ssl
import subprocess
import threading
import time

import redis

from lib import wait
from lib.claims import Skip, check, check_error, claim, run
from lib.resp import Client, Closed, encode
from lib.server import START_S, TOP, Server, binary, environment, free_port, is_sanitized
from lib.tls import Certificates, TlsServer

OPTIONS = ("--limits", "none")
HANDSHAKE_S = 10  # TRANSPORT_HANDSHAKE_S in server/tls/transport.h
KV = "/binding/db0/k?urlencoded=true"
REFUSED = (ssl.SSLError, ConnectionError, Closed, EOFError)


def serve(*options, **others):
    return TlsServer(*OPTIONS, *options, **others)


def shell(*words, **others):
    return subprocess.run([str(word) for word in words], capture_output=True, timeout=120, check=False, text=True, **others)


def expect_refused(server, context):
    """A client of TLS 1.3 may hear of it only when it reads."""
    try:
        with server.tls_client(context=context) as client:
            client("PING")
    except REFUSED as reason:
        return str(reason)
    raise AssertionError("the server let it in")


def log_lines(server, words):
    return [line for line in server.log().splitlines() if words in line]


def peer_name(client):
    """The name in the certificate that the server showed."""
    subject = dict(pair[0] for pair in client.socket.getpeercert()["subject"])
    return subject["commonName"]


def serial(port, context):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain, context.wrap_socket(plain) as secure:
        return secure.getpeercert()["serialNumber"]


# --- clients ---


@claim
def redis_cli_and_redis_benchmark_speak_tls():
    with serve() as server:
        words = ["-p", server.tls_port, *server.certificates.words()]
        check(shell("redis-cli", *words, "SET", "k", "v").stdout, "OK\n")
        check(shell("redis-cli", *words, "GET", "k").stdout, "v\n")
        done = shell("redis-benchmark", *words, "-t", "set,get", "-n", "20000", "-P", "16", "-c", "20", "-q")
        check(len(re.findall(r"[SG]ET: [0-9.]+ requests per second", done.stdout)), 2, done.stdout + done.stderr)


@claim
def redis_py_speaks_tls_with_either_version_and_checks_the_name():
    with serve() as server:
        files = server.certificates
        for least in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = server.tls_client(context=files.context(version=least))
            check(client("PING"), "PONG", least)
            check(client.socket.version(), {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[least.name])
        client = redis.Redis(port=server.tls_port, ssl=True, ssl_ca_certs=files.cert("ca"), ssl_certfile=files.cert("client"),
                             ssl_keyfile=files.key("client"), ssl_check_hostname=True)
        check(client.set("k", b"v" * 100000), True)
        check(client.get("k"), b"v" * 100000)
        pipe = client.pipeline(transaction=True)
        for number in range(1000):
            pipe.incr("n")
        check(pipe.execute(), list(range(1, 1001)))


@claim
def the_tls_port_may_be_the_only_one():
    with serve(plain=False) as server:
        with server.tls_client() as client:
            check(client("PING"), "PONG")
            info = client("INFO", "server").decode()
            check(f"tcp_port:{server.tls_port}\r\n" in info, True, info[:600])
        try:
            Client(server.port)
            raise AssertionError("the plain port is open")
        except ConnectionRefusedError:
            pass


@claim
def both_ports_reach_the_same_data_and_the_same_clients():
    with serve() as server, server.client() as plain, server.tls_client() as secure:
        check(secure("SET", "k", "over TLS"), "OK")
        check(plain("GET", "k"), b"over TLS")
        check(secure("CLIENT", "SETNAME", "secret"), "OK")
        listed = plain("CLIENT", "LIST").decode()
        mine = [line for line in listed.splitlines() if "name=secret" in line]
        check(len(mine), 1, listed)
        check(f"laddr=127.0.0.1:{server.tls_port}" in mine[0], True, mine[0])
        identity = re.search(r"id=([0-9]+)", mine[0]).group(1)
        check(plain("CLIENT", "KILL", "ID", identity), 1)
        check(secure.at_end(), True)


@claim
def a_server_says_goodbye_before_it_closes():
    with serve() as server:
        context = server.certificates.context()
        with socket.create_connection(("127.0.0.1", server.tls_port), timeout=30) as plain:
            # without suppress_ragged_eofs an end that TLS did not announce is an exception
            with context.wrap_socket(plain, suppress_ragged_eofs=False) as secure:
                secure.sendall(encode("PING") + encode("QUIT"))
                read = b""
                while part := secure.recv(1000):
                    read += part
                check(read, b"+PONG\r\n+OK\r\n")


@claim
def a_client_that_ends_at_once_gets_its_answers():
    """printf 'SET k v' | openssl s_client: half of the connection is closed before the answer is committed."""
    with serve("--appendfsync", "always") as server:
        context = server.certificates.context()
        for number in range(20):
            with socket.create_connection(("127.0.0.1", server.tls_port), timeout=30) as plain:
                secure = context.wrap_socket(plain)
                secure.sendall(encode("SET", f"k{number}", "v"))
                secure = secure.unwrap  # our good-bye; what comes then is not read by Python's ssl
                with contextlib.suppress(ssl.SSLError, OSError):
                    secure()
        client = server.client()
        wait.until(lambda: client("DBSIZE") == 20, "all are written")


# --- streams, however they are cut ---


@claim
def large_values_go_both_ways():
    with serve() as server, server.tls_client() as client:
        for size in (16383, 16384, 16385, 65536, 1 << 20, 20_000_000):
            value = os.urandom(size)
            check(client("SET", "k", value), "OK", size)
            check(client("GET", "k") == value, True, size)
            check(server.client()("GET", "k") == value, True, size)


@claim
def a_pipeline_much_longer_than_any_buffer_is_answered_without_more_input():
    with serve() as server, server.tls_client() as client:
        check(client("SET", "k", "v" * 50), "OK")
        for count in (100, 3000, 20000):
            answers = client.pipeline(*[("GET", "k")] * count)
            check(answers == [b"v" * 50] * count, True, count)


@claim
def requests_in_records_of_a_byte_are_requests():
    with serve() as server, server.tls_client() as client:
        for byte in encode("SET", "k", "value") + encode("GET", "k"):
            client.socket.send(bytes([byte]))
        check((client.read(), client.read()), ("OK", b"value"))


@claim
def a_large_request_between_small_ones_keeps_their_order():
    with serve() as server, server.tls_client() as client:
        value = os.urandom(300000)
        words = [("ECHO", "a"), ("SET", "k", value), ("ECHO", "b"), ("GET", "k"), ("ECHO", "c")] * 5
        check(client.pipeline(*words) == [b"a", "OK", b"b", value, b"c"] * 5, True)
        # What stands behind a large value has left the socket with it, and no event tells of it.
        for size in range(100000, 100000 + 40 * 1000, 1000):
            check(client.pipeline(("SET", "k", value[:size]), ("STRLEN", "k")), ["OK", size])


@claim
def a_client_that_reads_late_gets_everything():
    with serve() as server, server.tls_client() as client:
        value = os.urandom(3_000_000)
        check(client("SET", "k", value), "OK")
        client.send_bytes(encode("GET", "k") * 10)
        other = server.client()
        wait.until(lambda: max(int(size) for size in re.findall(r"omem=([0-9]+)", other("CLIENT", "LIST").decode())) > 1_000_000,
                   "replies pile up")
        for _ in range(10):
            check(client.read() == value, True)


@claim
def many_clients_at_once():
    count = 100 if is_sanitized() else 400
    with serve() as server, contextlib.ExitStack() as stack:
        context = server.certificates.context()
        clients = [stack.enter_context(server.tls_client(context=context)) for _ in range(count)]
        for number, client in enumerate(clients):
            client.send("SET", f"k{number}", number)
        check({str(client.read()) for client in clients}, {"OK"})
        info = clients[0]("INFO", "clients").decode()
        check(f"connected_clients:{count}\r\n" in info, True, info)


@claim
def clients_of_several_threads_do_everything_at_once():
    """Under the thread sanitizer clients are spread over all loops."""
    with serve("--io-threads", "4") as server:
        stop, problems = threading.Event(), []

        def work(number):
            value = os.urandom(30000)
            try:
                while not stop.is_set():
                    with server.tls_client() as client:
                        for _ in range(20):
                            check(client.pipeline(("SET", f"k{number}", value), ("INCR", "n"), ("GET", f"k{number}"))[2] == value, True)
            except Exception as problem:
                problems.append(problem)

        def renew():
            admin = server.client()
            while not stop.is_set():
                check(admin("CONFIG", "SET", "tls-cert-file", server.certificates.cert("server")), "OK")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)] + [threading.Thread(target=renew)]
        for thread in threads:
            thread.start()
        wait.until(lambda: problems or int(server.client()("GET", "n") or 0) > 1000, "numbers grow", 60)
        stop.set()
        for thread in threads:
            thread.join()
        check(problems, [])


# --- certificates of clients ---


@claim
def clients_must_show_a_certificate_of_the_ca():
    with serve() as server:
        files = server.certificates
        check(server.tls_client()("PING"), "PONG")
        expect_refused(server, files.context(None))
        expect_refused(server, files.context("stranger"))
        wait.until(lambda: log_lines(server, "TLS failed: peer did not return a certificate"), "a line about the missing one")
        for _ in range(3):  # one line a second for a host
            wait.pass_by(1.1)
            expect_refused(server, files.context("stranger"))
        check(len(log_lines(server, "TLS failed: unable to get local issuer certificate")), 1, server.log())


@claim
def tls_auth_clients_says_whether_they_must():
    with serve("--tls-auth-clients", "optional") as server:
        files = server.certificates
        check(server.tls_client()("PING"), "PONG")
        check(server.tls_client(context=files.context(None))("PING"), "PONG")
        expect_refused(server, files.context("stranger"))
        check(server.client()("CONFIG", "SET", "tls-auth-clients", "no"), "OK")
        check(server.tls_client(context=files.context("stranger"))("PING"), "PONG")
        check(server.client()("CONFIG", "SET", "tls-auth-clients", "yes"), "OK")
        expect_refused(server, files.context(None))


@claim
def a_client_that_does_not_trust_the_server_leaves():
    with serve() as server:
        try:
            server.tls_client(context=server.certificates.context(authority="other-ca"))
            raise AssertionError("it trusts a certificate of another authority")
        except ssl.SSLCertVerificationError:
            pass
        wait.until(lambda: log_lines(server, "TLS failed: tlsv1 alert unknown ca"), "a line about it")


@claim
def a_session_without_a_certificate_opens_no_other_door():
    """What was begun on the HTTP port, which asks for none, is worth nothing on the port that does."""
    with serve() as server:
        context = server.certificates.context(None)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.maximum_version = version
            with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as plain:
                secure = context.wrap_socket(plain)
                secure.sendall(b"GET /binding/db0/none?urlencoded=true HTTP/1.1\r\nHost: x\r\n\r\n")
                check(secure.recv(12), b"HTTP/1.1 404")
                session = secure.session
            try:
                with server.tls_client(context=context, session=session) as client:
                    client("PING")
                raise AssertionError(f"{version}: let in")
            except REFUSED:
                pass


@claim
def sessions_are_resumed_until_the_certificates_change():
    with serve() as server:
        context = server.certificates.context(version=ssl.TLSVersion.TLSv1_2)

        def resumes(session):
            with server.tls_client(context=context, session=session) as client:
                check(client("PING"), "PONG")
                return client.socket.session_reused, client.socket.session

        _, session = resumes(None)
        check(resumes(session)[0], True)
        admin = server.client()
        check(admin("CONFIG", "SET", "tls-cert-file", server.certificates.cert("server")), "OK")
        check(resumes(session)[0], False, "after new certificates")
        check(admin("CONFIG", "SET", "tls-session-caching", "no"), "OK")
        _, session = resumes(None)
        check(resumes(session)[0], False, "with tls-session-caching no")


# --- what is offered ---


@claim
def only_the_versions_and_ciphers_of_the_options_are_offered():
    with serve("--tls-protocols", "TLSv1.3", "--tls-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256") as server:
        files, admin = server.certificates, server.client()
        expect_refused(server, files.context(version=ssl.TLSVersion.TLSv1_2))
        with server.tls_client() as client:
            check(client.socket.cipher()[0], "TLS_CHACHA20_POLY1305_SHA256")
        cipher = "ECDHE-ECDSA-AES256-GCM-SHA384"
        check(admin("CONFIG", "SET", "tls-protocols", "TLSv1.2", "tls-ciphers", cipher), "OK")
        with server.tls_client() as client:
            check(client.socket.cipher()[:2], (cipher, "TLSv1.2"))
        check_error(admin("CONFIG", "SET", "tls-protocols", "SSLv3"),
                    "ERR CONFIG SET failed (possibly related to argument 'tls-protocols') - "
                    "Unable to update TLS configuration: tls-protocols has SSLv3; allowed are")
        check(admin("CONFIG", "GET", "tls-protocols"), [b"tls-protocols", b"TLSv1.2"])


@claim
def dhe_uses_the_parameters_of_the_option():
    with Certificates() as files:
        shell("openssl", "genrsa", "-out", files.key("rsa"), "2048")
        shell("openssl", "req", "-x509", "-key", files.key("rsa"), "-subj", "/CN=rsa", "-days", "2", "-out", files.cert("rsa"))
        params = os.path.join(files.folder, "dh.pem")
        shell("openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe3072", "-out", params)
        port = free_port()

        def key_exchange():
            return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-cipher", "DHE"], stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=20, check=False).stdout

        with Server("--tls-port", port, "--tls-cert-file", files.cert("rsa"), "--tls-key-file", files.key("rsa"), "--tls-auth-clients", "no",
                    "--tls-dh-params-file", params) as server:
            check(b"Server Temp Key: DH, 3072 bits" in key_exchange(), True, "with the option")
            admin = server.client()
            check("tls-dh-params-file" in admin("CONFIG", "SET", "tls-dh-params-file", files.key("rsa")), True)
            check(admin("CONFIG", "GET", "tls-dh-params-file"), [b"tls-dh-params-file", params.encode()])
            check(admin("CONFIG", "SET", "tls-dh-params-file", ""), "OK")
            check(b"Server Temp Key: DH, 2048 bits" in key_exchange(), True, "without it")


@claim
def nobody_renegotiates():
    with serve() as server:
        files = server.certificates
        process = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}", "-tls1_2", "-cert",
                                    files.cert("client"), "-key", files.key("client"), "-CAfile", files.cert("ca")],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            process.stdin.write(b"PING\r\n")
            process.stdin.flush()
            seen = b""
            while b"+PONG" not in seen:
                check(bool(select.select([process.stdout], [], [], 30)[0]), True, "an answer")
                seen += os.read(process.stdout.fileno(), 65536)
            process.stdin.write(b"R\n")
            process.stdin.flush()
            out, _ = process.communicate(timeout=30)
            check(b"no renegotiation" in out, True, out)
        finally:
            process.kill()
            process.wait()
        check(server.tls_client()("PING"), "PONG")


# --- new certificates ---


@claim
def certificates_are_renewed_and_clients_stay():
    with serve() as server:
        files, admin = server.certificates, server.client()
        stayed = server.tls_client()
        check(peer_name(stayed), "server")
        files.make("renewed")
        check(admin("CONFIG", "SET", "tls-cert-file", files.cert("renewed"), "tls-key-file", files.key("renewed")), "OK")
        check(peer_name(server.tls_client()), "renewed")
        check(serial(server.http_port, files.context(None)), serial(server.tls_port, files.context()), "HTTP has it too")
        check(stayed("PING"), "PONG")
        check(peer_name(stayed), "server")


@claim
def files_replaced_in_place_are_read_by_setting_the_same_name():
    with serve() as server:
        files, admin = server.certificates, server.client()
        before = serial(server.tls_port, files.context())
        files.make("server")
        check(serial(server.tls_port, files.context()), before, "until somebody says so")
        check(admin("CONFIG", "SET", "tls-cert-file", files.cert("server")), "OK")
        check(serial(server.tls_port, files.context()) != before, True)
        check(server.tls_client()("PING"), "PONG")


@claim
def bad_certificates_are_refused_in_a_sentence_and_the_old_ones_stay():
    with serve() as server:
        files, admin = server.certificates, server.client()
        wanted = admin("CONFIG", "GET", "tls-*")
        before = serial(server.tls_port, files.context())
        files.make("other")
        with open(files.cert("garbage"), "w", encoding="ascii") as file:
            file.write("no certificate\n")
        for change, words in (
                (("tls-cert-file", files.cert("none")), "can't use the certificate .* of tls-cert-file: No such file or directory"),
                (("tls-cert-file", files.cert("garbage")), "can't use the certificate .* of tls-cert-file: "),
                (("tls-cert-file", files.cert("other")), "can't use the key .* of tls-key-file: key values mismatch"),
                (("tls-key-file", files.key("other")), "can't use the key .* of tls-key-file: key values mismatch"),
                (("tls-cert-file", ""), "tls-port needs tls-cert-file and tls-key-file"),
                (("tls-ca-cert-file", files.cert("none")), "can't use the certificates of tls-ca-cert-file"),
                (("tls-ca-cert-file", ""), "tls-port needs tls-ca-cert-file or tls-ca-cert-dir, or tls-auth-clients no"),
                (("tls-ca-cert-dir", "/nowhere"), "can't use the directory /nowhere of tls-ca-cert-dir: No such file"),
                (("maxclients", "500", "tls-ciphers", "none such"), "can't use tls-ciphers"),
                (("tls-cert-file", files.cert("other"), "tls-key-file", files.key("other"), "loglevel", "debug", "tls-protocols", "x"),
                 "tls-protocols has x")):
            answer = admin("CONFIG", "SET", *change)
            check_error(answer, "ERR CONFIG SET failed (possibly related to argument '")
            check(bool(re.search(f"Unable to update TLS configuration: {words}", answer)), True, answer)
            check(serial(server.tls_port, files.context()), before, change)
        check(admin("CONFIG", "GET", "tls-*"), wanted)
        check(admin("CONFIG", "GET", "loglevel"), [b"loglevel", b"notice"])


@claim
def the_tls_port_opens_moves_and_closes_while_the_server_runs():
    with Certificates() as files, Server(*OPTIONS) as server:
        admin = server.client()
        first, second = free_port(), free_port()
        check_error(admin("CONFIG", "SET", "tls-port", first), "ERR CONFIG SET failed (possibly related to argument 'tls-port') - "
                    "Unable to update TLS configuration: tls-port needs tls-cert-file and tls-key-file")
        check(admin("CONFIG", "SET", "tls-port", first, "tls-cert-file", files.cert("server"), "tls-key-file",
                    files.key("server"), "tls-ca-cert-file", files.cert("ca")), "OK")
        stayed = Client(first, tls=files.context())
        check(stayed("PING"), "PONG")
        check(admin("CONFIG", "SET", "tls-port", second), "OK")
        check(Client(second, tls=files.context())("PING"), "PONG")
        wait.until(lambda: not is_open(first), "the first port is closed")
        check(server.client()("PING"), "PONG", "the other port is as it was")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            check_error(admin("CONFIG", "SET", "tls-port", taken.getsockname()[1], "tls-cert-file", files.cert("server")),
                        "ERR CONFIG SET failed (possibly related to argument 'tls-port') - Unable to listen on this port")
        check(Client(second, tls=files.context())("PING"), "PONG")
        check(admin("CONFIG", "SET", "tls-port", "0"), "OK")
        wait.until(lambda: not is_open(second), "the second port is closed")
        check(stayed("PING"), "PONG")


@claim
def a_port_changes_from_plain_to_tls_and_back():
    """As Redis's own test has it: for a moment nothing listens, and who is in opens the port again."""
    with serve("--io-threads", "1") as server:
        admin = server.client()
        port = server.port
        check(admin("CONFIG", "SET", "tls-port", "0"), "OK")
        check(admin("CONFIG", "SET", "port", "0"), "OK")
        wait.until(lambda: log_lines(server, "no more clients can connect"), "a warning")
        check(admin("CONFIG", "SET", "tls-port", port), "OK")
        secure = Client(port, tls=server.certificates.context())
        check(secure("PING"), "PONG")
        check(secure("CONFIG", "SET", "tls-port", "0"), "OK")
        check(secure("CONFIG", "SET", "port", port), "OK")
        check(Client(port)("PING"), "PONG")


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        return True
    except ConnectionRefusedError:
        return False


# --- starting ---


def start(scratch, *options):
    done = subprocess.run([binary(), "--port", str(free_port()), "--http-port", "0", "--dir", "data", *options], cwd=scratch,
                          stdin=subprocess.DEVNULL, capture_output=True, env=environment(), timeout=START_S, check=False)
    lines = done.stderr.decode().splitlines()
    check((done.returncode, done.stdout, len(lines)), (1, b"", 1), done.stderr)
    return lines[0]


@claim
def a_start_with_bad_files_ends_in_one_line_that_names_the_option():
    with Certificates() as files:
        cert, key = ("--tls-cert-file", files.cert("server")), ("--tls-key-file", files.key("server"))
        authority = ("--tls-ca-cert-file", files.cert("ca"))
        port = ("--tls-port", str(free_port()))
        with open(files.key("closed"), "w", encoding="ascii") as file:
            file.write("nothing\n")
        for options, words in (
                (port, ("tls-port", "tls-cert-file", "tls-key-file")),
                ((*port, *cert), ("tls-port", "tls-key-file")),
                ((*port, *cert, *key), ("tls-port", "tls-ca-cert-file", "tls-auth-clients no")),
                ((*port, "--tls-cert-file", "/nowhere/x.crt", *key, *authority), ("/nowhere/x.crt", "tls-cert-file", "No such file")),
                ((*port, *cert, "--tls-key-file", files.key("closed"), *authority), (files.key("closed"), "tls-key-file")),
                ((*port, *cert, "--tls-key-file", files.key("client"), *authority), ("tls-key-file", "key values mismatch")),
                ((*port, *cert, *key, "--tls-ca-cert-file", files.key("ca")), ("tls-ca-cert-file",)),
                ((*port, *cert, *key, *authority, "--tls-protocols", "TLSv1.1"), ("tls-protocols", "TLSv1.1", "TLSv1.3")),
                ((*port, *cert, *key, *authority, "--tls-ciphers", "none such"), ("tls-ciphers",)),
                ((*port, *cert, *key, *authority, "--tls-dh-params-file", files.key("ca")), ("tls-dh-params-file",)),
                ((*port, *cert, *key, *authority, "--tls-client-key-file", files.key("ca")), ("tls-client-cert-file",)),
                ((*port, *cert, *key, *authority, "--tls-client-cert-file", files.cert("ca")), ("tls-client-key-file",))):
            line = start(files.folder, *options)
            check([word for word in words if word not in line], [], line)
            check(os.path.exists(os.path.join(files.folder, "data")), False, line)


@claim
def a_key_may_have_a_passphrase_and_clients_need_no_certificate_if_the_options_say_so():
    with Certificates() as files:
        shell("openssl", "ec", "-in", files.key("server"), "-aes128", "-passout", "pass:open sesame", "-out", files.key("locked"))
        options = ["--tls-cert-file", files.cert("server"), "--tls-key-file", files.key("locked"), "--tls-auth-clients", "no"]
        port = free_port()
        line = start(files.folder, "--tls-port", str(port), *options, "--tls-key-file-pass", "open")
        check("tls-key-file" in line, True, line)
        with Server("--tls-port", port, *options, "--tls-key-file-pass", "open sesame") as server:
            check(Client(port, tls=files.context(None))("PING"), "PONG")
            check("sesame" in server.log(), False, "it is no secret any more")


# --- clients that fail ---


@claim
def plain_text_on_the_tls_port_is_refused_with_one_line():
    with serve() as server:
        for words in (b"PING\r\n", encode("PING"), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(100000), b"\x16" * 1000):
            with socket.create_connection(("127.0.0.1", server.tls_port), timeout=30) as client:
                with contextlib.suppress(ConnectionError):
                    client.sendall(words)
                    while client.recv(1000):
                        pass
        wait.until(lambda: log_lines(server, "this is a TLS port, and what came is not TLS"), "a line about it")
        check(len(log_lines(server, "is a TLS port")), 1, server.log())
        check(server.tls_client()("PING"), "PONG")


@claim
def tls_on_the_plain_port_is_refused_at_once():
    with serve() as server:
        started = time.monotonic()
        try:
            Client(server.port, tls=server.certificates.context())
            raise AssertionError("a handshake on a plain port")
        except REFUSED:
            pass
        check(time.monotonic() - started < 5, True)
        check(server.client()("PING"), "PONG")


@claim
def handshakes_that_stall_end_and_disturb_nobody():
    with serve("--maxclients", "60") as server:
        hello = client_hello(server.certificates.context())
        stalled = []
        for cut in [0, 1, 5, 6, len(hello) // 2, len(hello) - 1, len(hello)] * 5:
            for port in (server.tls_port, server.http_port) if cut > 0 else (server.tls_port,):
                client = socket.create_connection(("127.0.0.1", port), timeout=30)
                client.sendall(hello[:cut])
                stalled.append(client)
                if len(stalled) % 10 == 0:
                    check(server.client()("PING"), "PONG")
                if len(stalled) == 50:
                    break
            if len(stalled) == 50:
                break
        admin = server.client()
        # Those of the Redis port are listed and show that they have said nothing yet.
        listed = admin("CLIENT", "LIST").decode()
        check(f"laddr=127.0.0.1:{server.tls_port}" in listed and "cmd=NULL" in listed, True, listed)
        longest = 0
        deadline = time.monotonic() + HANDSHAKE_S + 20
        while stalled:
            check(time.monotonic() < deadline, True, f"{len(stalled)} are still there")
            started = time.monotonic()
            with server.tls_client() as client:
                check(client("PING"), "PONG")
            longest = max(longest, time.monotonic() - started)
            readable, _, _ = select.select(stalled, [], [], 0.2)
            for client in readable:
                if not ends(client):
                    continue
                stalled.remove(client)
                client.close()
        check(longest < 3, True, f"a client waited {longest} s")
        check(bool(log_lines(server, "its TLS handshake takes too long")), True, server.log())
        check(len(log_lines(server, "disconnected")) < 30, True, server.log())
        check(admin("PING"), "PONG")


def ends(client):
    try:
        return client.recv(65536) == b""
    except ConnectionError:
        return True


def client_hello(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


@claim
def handshakes_cut_short_in_masses_leave_few_lines_and_no_clients():
    with serve() as server:
        hello = client_hello(server.certificates.context())
        for number in range(300):
            with socket.create_connection(("127.0.0.1", server.tls_port), timeout=30) as client:
                client.sendall((hello[:number], hello, b"\x16\x03\x01\x00\x04abcd", b"rubbish\r\n")[number % 4])
        admin = server.client()
        wait.until(lambda: b"connected_clients:1\r\n" in admin("INFO", "clients"), "they are gone", 30)
        check(len(log_lines(server, "disconnected")) <= 15, True, server.log())
        check(server.tls_client()("PING"), "PONG")


@claim
def who_shakes_hands_counts_as_a_client():
    with serve("--maxclients", "5") as server, contextlib.ExitStack() as stack:
        admin = stack.enter_context(server.client())
        wait.until(lambda: b"connected_clients:1\r\n" in admin("INFO", "clients"), "the start is over")
        for _ in range(4):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.tls_port), timeout=30))
        wait.until(lambda: b"connected_clients:5\r\n" in admin("INFO", "clients"), "all count")
        reason = expect_refused(server, server.certificates.context())
        check(any(word in reason.lower() for word in ("internal_error", "internal error", "reset", "eof")), True, reason)
        check(b"rejected_connections:1\r\n" in admin("INFO", "stats"), True)


@claim
def protected_mode_holds_for_tls_too():
    addresses = list(outside_addresses())
    if not addresses:
        raise Skip("this machine has no address but loopback")
    with serve("--bind", f"127.0.0.1 {addresses[0]}") as server:
        context = server.certificates.context()
        try:
            Client(server.tls_port, host=addresses[0], tls=context)("PING")
            raise AssertionError("a stranger was let in")
        except REFUSED as reason:
            check(any(word in str(reason).lower() for word in ("denied", "reset")), True, str(reason))
        check(server.client()("CONFIG", "SET", "requirepass", "secret"), "OK")
        with Client(server.tls_port, host=addresses[0], tls=context) as client:
            check_error(client("GET", "k"), "NOAUTH")
            check(client("AUTH", "secret"), "OK")
            check(client("GET", "k"), None)


def outside_addresses():
    """Of this machine: the one it would speak from to the world.  Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        yield probe.getsockname()[0]


# --- HTTP ---


def curl(server, *words):
    done = shell("curl", "-sS", "--max-time", "60", "--cacert", server.certificates.cert("ca"), *words)
    check(done.returncode, 0, done.stderr)
    return done.stdout


@claim
def one_http_port_speaks_both():
    with serve() as server:
        files = server.certificates
        for scheme in ("http", "https"):
            url = f"{scheme}://127.0.0.1:{server.http_port}{KV}"
            check(curl(server, "-X", "PUT", "-d", f"by {scheme}", url), "")
            check(curl(server, url), f"by {scheme}")
            check(server.client()("GET", "k"), f"by {scheme}".encode())
        check(curl(server, "--tlsv1.2", "--tls-max", "1.2", f"https://127.0.0.1:{server.http_port}{KV}"), "by https")
        # A certificate is not asked for, and one that is shown is not looked at.
        check(curl(server, "--cert", files.cert("stranger"), "--key", files.key("stranger"),
                   f"https://127.0.0.1:{server.http_port}{KV}"), "by https")


@claim
def https_carries_large_bodies_both_ways_and_many_requests():
    with serve() as server:
        path = os.path.join(server.scratch, "body")
        with open(path, "wb") as file:
            file.write(os.urandom(20_000_000))
        url = f"https://127.0.0.1:{server.http_port}{KV}"
        check(curl(server, "-T", path, url), "")
        check(curl(server, "-o", path + ".back", url), "")
        check(shell("cmp", path, path + ".back").returncode, 0)
        check(server.client()("STRLEN", "k"), 20_000_000)
        with https(server) as secure:
            count = 3000
            asked = threading.Thread(target=secure.sendall, args=(f"GET {KV.replace('/k?', '/none?')} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * count,))
            asked.start()
            seen = b""
            while seen.count(b"HTTP/1.1 404") < count:
                part = secure.recv(1 << 16)
                check(part != b"", True, f"{seen.count(b'HTTP/1.1 404')} answers")
                seen += part
            asked.join()


@claim
def an_https_request_behind_a_large_body_is_served():
    with serve() as server, https(server) as secure:
        for size in range(100000, 100000 + 40 * 1000, 1000):
            secure.sendall(f"PUT {KV} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size)
                           + b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            seen = b""
            while not (b"HTTP/1.1 200" in seen and b"HTTP/1.1 404" in seen):
                part = secure.recv(1 << 16)
                check(part != b"", True, seen)
                seen += part


def https(server):
    plain = socket.create_connection(("127.0.0.1", server.http_port), timeout=60)
    return server.certificates.context(None).wrap_socket(plain, suppress_ragged_eofs=False)


@claim
def an_https_client_that_waits_for_100_or_reads_late_is_served():
    with serve() as server:
        value = os.urandom(8_000_000)
        with https(server) as secure:
            secure.sendall(f"PUT {KV} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(value)}\r\nExpect: 100-continue\r\n\r\n".encode())
            check(secure.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            secure.sendall(value)
            check(secure.recv(12), b"HTTP/1.1 200")
        with https(server) as secure:
            secure.sendall(f"GET {KV} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            wait.pass_by(0.5)
            seen = b""
            while part := secure.recv(1 << 16):  # to an end that TLS announced
                seen += part
            check(seen.endswith(value), True)


@claim
def without_a_certificate_the_http_port_is_plain():
    with Certificates() as files, Server(*OPTIONS, http=True) as server:
        url = f"https://127.0.0.1:{server.http_port}{KV}"
        done = shell("curl", "-sS", "--max-time", "60", "--cacert", files.cert("ca"), url)
        check(done.returncode != 0, True)
        check(server.client()("CONFIG", "SET", "tls-cert-file", files.cert("server"), "tls-key-file", files.key("server")), "OK")
        done = shell("curl", "-sS", "--max-time", "60", "--cacert", files.cert("ca"), "-o", "/dev/null", "-w", "%{http_code}", url)
        check(done.stdout, "404", done.stderr)


@claim
def https_asks_for_tokens_as_http_does():
    with serve("--http-token", "sesame") as server:
        url = f"https://127.0.0.1:{server.http_port}{KV}"
        check(curl(server, "-o", "/dev/null", "-w", "%{http_code}", url), "401")
        check(curl(server, "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer sesame", url), "404")


if __name__ == "__main__":
    run()
