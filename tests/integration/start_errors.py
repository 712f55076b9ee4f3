#!/usr/bin/python3
"""A start that cannot succeed: one line that says why, exit code 1, and nothing changed."""
import os
import socket
import subprocess

from lib.claims import Skip, check, claim, run
from lib.server import START_S, Server, binary, environment, free_port


def start(server, *arguments):
    """Runs the server to its end; its one line."""
    done = subprocess.run([binary(), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          cwd=server.scratch, env=environment(), timeout=START_S, check=False)
    check(done.returncode, 1, f"exit code ({done.stderr!r})")
    check(done.stdout, b"", "standard output")
    lines = done.stderr.decode().splitlines()
    check(len(lines), 1, f"lines on standard error: {lines}")
    return lines[0]


def expect_words(line, *words):
    missing = [word for word in words if str(word) not in line]
    check(missing, [], f"words missing in {line!r}")


def tree(path):
    """Every file below path with its content."""
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.join(folder, name)] = file.read()
    return found


def idle():
    """A place to run in, without a server."""
    return Server()


@claim
def a_port_in_use_is_named_with_the_option_that_chooses_another():
    with Server() as server:
        line = start(server, "--port", server.port, "--http-port", "0", "--dir", "other")
        expect_words(line, server.port, "--port", "in use")


@claim
def an_http_port_in_use_stops_the_start_of_whoever_named_it():
    with Server(http=True) as server:
        line = start(server, "--port", free_port(), "--http-port", server.http_port, "--dir", "other")
        expect_words(line, server.http_port, "--http-port", "in use")


@claim
def without_the_usual_http_port_a_server_starts_and_says_so():
    with socket.socket() as first:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            first.bind(("127.0.0.1", 8379))
            first.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        server = idle()
        port = free_port()
        started = subprocess.Popen([binary(), "--port", str(port), "--dir", "data"], cwd=server.scratch,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment())
        try:
            lines = iter(started.stdout.readline, b"")
            first_line = next(lines).decode()
            expect_words(first_line, "no HTTP", "8379", "--http-port")
            check(any(b"Ready to accept connections" in line for line in lines), True, "it is ready")
        finally:
            started.terminate()
            started.communicate(timeout=START_S)


@claim
def what_it_listens_on_and_how_to_talk_to_it_are_told():
    server = idle()
    port, gossip_port, path = free_port(), free_port(), os.path.join(server.scratch, "s")
    started = subprocess.Popen([binary(), "--port", str(port), "--dir", "data", "--http-port", "0", "--unixsocket", path,
                                "--bind", "127.0.0.2", "--cluster-secret", "s", "--gossip-port", str(gossip_port)],
                               cwd=server.scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment())
    try:
        lines = [started.stdout.readline().decode() for _ in range(3)]
        expect_words(lines[1], f" 127.0.0.2:{port}, {path}, replicas on port {gossip_port}\n")
        expect_words(lines[2], f"redis-cli -p {port}\n")
    finally:
        started.terminate()
        started.communicate(timeout=START_S)


@claim
def a_directory_in_use_is_named():
    with Server() as server:
        line = start(server, "--port", free_port(), "--http-port", "0", "--dir", server.directory)
        expect_words(line, server.directory)
        check(server.client()("SET", "k", "v"), "OK", "the first server goes on")


@claim
def a_file_in_place_of_the_directory_is_named():
    server = idle()
    path = os.path.join(server.scratch, "file")
    with open(path, "w", encoding="utf-8") as file:
        file.write("precious")
    expect_words(start(server, "--port", free_port(), "--http-port", "0", "--dir", path), path)
    check(tree(server.scratch)[path], b"precious")


@claim
def a_directory_that_cannot_be_written_is_named():
    server = idle()
    path = os.path.join(server.scratch, "readonly")
    os.mkdir(path)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", path], capture_output=True, check=False)
    if mounted.returncode != 0:
        raise Skip("no read-only file system can be mounted here")
    try:
        line = start(server, "--port", free_port(), "--http-port", "0", "--dir", os.path.join(path, "data"))
        expect_words(line, path)
    finally:
        subprocess.run(["umount", "-l", path], check=False)


@claim
def a_directory_of_something_else_is_refused_and_left_alone():
    server = idle()
    path = os.path.join(server.scratch, "photos")
    os.mkdir(path)
    for name in ("cat.jpg", "000005.ldb", "dump.rdb"):
        with open(os.path.join(path, name), "w", encoding="utf-8") as file:
            file.write("not ours")
    before = tree(path)
    expect_words(start(server, "--port", free_port(), "--http-port", "0", "--dir", path), path)
    check(tree(path), before)


@claim
def a_newer_format_is_refused_and_left_alone():
    with Server() as server:
        server.client()("SET", "k", "v")
        server.stop()
        path = os.path.join(server.directory, "GRAPEVINE")
        with open(path, "w", encoding="utf-8") as file:
            file.write("Grapevine data directory, format 9999\n")
        before = tree(server.directory)
        line = start(server, "--port", free_port(), "--http-port", "0", "--dir", server.directory)
        expect_words(line, server.directory, "9999")
        check({name: data for name, data in tree(server.directory).items() if not name.endswith("LOG")
               and not name.endswith("LOG.old")},
              {name: data for name, data in before.items() if not name.endswith(("LOG", "LOG.old"))})


@claim
def a_bad_option_is_one_sentence():
    for arguments, words in (
            (("--no-such-option", "1"), ("no-such-option",)),
            (("--port", "65536"), ("port", "65536", "65535")),
            (("--port", "abc"), ("port", "abc")),
            (("--port",), ("port",)),
            (("--appendfsync", "sometimes"), ("appendfsync", "sometimes", "always", "everysec", "no")),
            (("--limits", "gamma"), ("limits", "gamma", "beta", "current", "none")),
            (("--cache-size", "12xb"), ("cache-size", "12xb")),
            (("--key-write-rate", "-3"), ("key-write-rate", "-3")),
            (("--io-threads", "100000"), ("io-threads", "100000")),
            (("--databases", "0"), ("databases", "0")),
            (("--peer", "127.0.0.1:7000"), ("peer", "cluster-secret")),
            (("--bind", "not-an-address"), ("not-an-address",)),
            (("no-such-file.conf",), ("no-such-file.conf",))):
        server = idle()
        line = start(server, *arguments)
        expect_words(line, *words)
        check(os.path.exists(os.path.join(server.scratch, "data")), False, f"{arguments}: ./data was made")


@claim
def a_bad_line_of_the_config_file_is_named_by_its_number():
    for line, words in (
            ("prot 6379", ("prot",)), ("port 6379 6380", ("port",)), ("port", ("port",)), ("maxclients many", ("maxclients", "many")),
            ('requirepass "unbalanced', ()), ("limits 'beta' x", ("limits",)), ("\xff\xfe\x00", ())):
        server = idle()
        path = os.path.join(server.scratch, "my.conf")
        with open(path, "w", encoding="latin-1") as file:
            file.write(f"# a comment\n\ntimeout 5\n{line}\nport 1\n")
        expect_words(start(server, path), "my.conf", "4", *words)


@claim
def a_redis_conf_starts_the_server():
    lines = ("stop-writes-on-bgsave-error yes", "rdbcompression yes", "replica-read-only yes", "repl-diskless-load disabled", "oom-score-adj no",
             "oom-score-adj-values 0 200 800", 'proc-title-template "{title} {listen-addr} {server-mode}"', 'appendfilename "appendonly.aof"',
             "auto-aof-rewrite-min-size 64mb", "list-max-listpack-size -2", "hash-max-ziplist-entries 512", "lua-time-limit 5000", "dynamic-hz yes")
    with Server() as server:
        path = os.path.join(server.scratch, "redis.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        server.command_line, command_line = (lambda: [command_line()[0], path, *command_line()[1:]]), server.command_line
        server.restart()
        client = server.client()
        check(client("CONFIG", "GET", "stop-writes-on-bgsave-error"), [b"stop-writes-on-bgsave-error", b"yes"])
        check(client("CONFIG", "SET", "stop-writes-on-bgsave-error", "no"), "OK")
        check(client("CONFIG", "GET", "hash-max-*"), [], "nobody is told of them who does not ask")


@claim
def listening_to_the_world_without_a_password_is_refused_to_strangers():
    addresses = list(outside_addresses())
    if not addresses:
        raise Skip("this machine has no address but loopback")
    with Server("--bind", f"127.0.0.1 {addresses[0]}") as server:
        check(server.client()("PING"), "PONG")
        with socket.create_connection((addresses[0], server.port), timeout=10) as stranger:
            check(stranger.recv(7), b"-DENIED")


def outside_addresses():
    try:
        found = socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        return
    for address in found:
        if not address.startswith("127."):
            with socket.socket() as probe:
                try:
                    probe.bind((address, 0))
                    yield address
                except OSError:
                    pass


@claim
def help_and_version_are_answers_and_not_errors():
    for argument in ("--help", "--version"):
        done = subprocess.run([binary(), argument], capture_output=True, env=environment(), timeout=START_S, check=False)
        check((done.returncode, done.stderr), (0, b""), argument)
        check(len(done.stdout) > 5, True, argument)


if __name__ == "__main__":
    run()
