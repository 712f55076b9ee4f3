#!/usr/bin/python3
"""HTTP/1.1 as it is spoken on http-port, whatever is asked for: where requests begin and end, what is answered when they
are wrong, and which of them close the connection."""
import json
import re

from lib import wait
from lib.claims import check, claim, run
from lib.rawhttp import Http, chunked, head, request
from lib.resp import Closed
from lib.server import Server

OPTIONS = ("--limits", "current", "--key-write-rate", "0")
REST = "/client/v4/accounts/a/storage/kv/namespaces"
VALUE_MAX = 26214400
HEAD_MAX = 65536
HEADERS_MAX = 64


def serve(*options):
    return Server(*OPTIONS, *options, http=True)


def path(key, more=""):
    """The value of a key in the namespace of Redis's database 0."""
    return f"/binding/db0/{key}?urlencoded=true{more}"


def check_value(server, key, value):
    check(server.client()("GET", key), value, f"GET {key}")


def check_answer(answer, status, body=None):
    check(answer.status, status, f"the status of {answer}")
    if body is not None:
        check(answer.body, body)


def check_refused_and_closed(server, sent, status, method="GET"):
    """One answer, and the connection ends; whatever else was sent is not looked at."""
    with Http(server) as http:
        http.send(sent)
        answer = http.read(method)
        check((answer.status, answer.header("Connection")), (status, "close"), f"after {sent[:100]!r}")
        check(http.at_end(), True, f"closed after {sent[:100]!r}")
    return answer


# --- one request after the other ---


@claim
def a_connection_serves_one_request_after_the_other():
    with serve() as server, Http(server) as http:
        check_answer(http.ask("PUT", path("k"), b"v\r\n\0"), 200)
        check_answer(http.ask("GET", path("k")), 200, b"v\r\n\0")
        check_answer(http.ask("GET", path("missing")), 404)
        check_answer(http.ask("GET", "/nowhere/at/all"), 404)
        check_answer(http.ask("DELETE", path("k"), b""), 200)
        check_answer(http.ask("GET", path("k")), 404)
        check(http.is_silent(), True)


@claim
def pipelined_requests_are_answered_in_order():
    with serve() as server, Http(server) as http:
        http.send(b"".join(request("PUT", path(f"k{n}"), b"v%d" % n) + request("GET", path(f"k{n}"))
                           + request("HEAD", path(f"k{n}")) + request("GET", path("none")) for n in range(100)))
        for number in range(100):
            check_answer(http.read(), 200)
            check_answer(http.read(), 200, b"v%d" % number)
            check_answer(http.read("HEAD"), 200)
            check_answer(http.read(), 404)
        check(http.is_silent(), True)


@claim
def a_client_that_pipelines_and_ends_gets_all_its_answers():
    with serve() as server, Http(server) as http:
        http.send(request("PUT", path("k"), b"v") + request("GET", path("k")) * 100)
        http.socket.shutdown(1)
        check_answer(http.read(), 200)
        for _ in range(100):
            check_answer(http.read(), 200, b"v")
        check(http.at_end(), True)


@claim
def a_client_that_reads_late_gets_all_its_answers():
    with serve() as server, Http(server, receive_buffer=4096) as http:
        server.client()("SET", "k", "x" * 100000)
        http.send(request("GET", path("k")) * 200)
        for _ in range(200):
            check_answer(http.read(), 200, b"x" * 100000)


@claim
def empty_lines_between_requests_are_read_over():
    with serve() as server, Http(server) as http:
        http.send(b"\r\n" + request("PUT", path("k"), b"v") + b"\r\n" + request("GET", path("k")))
        check_answer(http.read(), 200)
        check_answer(http.read(), 200, b"v")


# --- how long a connection lives ---


@claim
def connection_close_is_heeded():
    with serve() as server:
        answer = check_refused_and_closed(server, request("GET", path("k"), Connection="close"), 404)
        check(answer.header("Date") is not None, True)
        # What comes behind is not answered.
        check_refused_and_closed(server, request("GET", path("k"), Connection="Close") + request("GET", path("k")), 404)


@claim
def http_1_0_closes_unless_keep_alive_is_asked_for():
    with serve() as server, Http(server) as http:
        server.client()("SET", "k", "v")
        for _ in range(2):
            http.send(head("GET", path("k"), "Connection: keep-alive", version="HTTP/1.0"))
            answer = http.read()
            check_answer(answer, 200, b"v")
            check(answer.header("Connection"), "keep-alive")
        http.send(head("GET", path("k"), version="HTTP/1.0"))
        check_answer(http.read(), 200, b"v")
        check(http.at_end(), True)


@claim
def other_versions_are_refused():
    with serve() as server:
        for version in ("HTTP/2.0", "HTTP/1.2", "HTTP/0.9"):
            check_refused_and_closed(server, head("GET", path("k"), version=version), 505)
        check_refused_and_closed(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
        for version in ("HTTP/1", "http/1.1", "HTTP/1.1 "):
            check_refused_and_closed(server, head("GET", path("k"), version=version), 400)


# --- HEAD, targets, methods, routes ---


@claim
def head_is_answered_like_get_without_the_body():
    with serve() as server, Http(server) as http:
        client = server.client()
        client("KV.PUT", "k", "x" * 1000, "META", '{"a":1}')
        got, told = http.ask("GET", path("k")), http.ask("HEAD", path("k"))
        check([(name, value) for name, value in told.headers if name != "Date"],
              [(name, value) for name, value in got.headers if name != "Date"])
        check(told.header("Content-Length"), "1000")
        check_answer(http.ask("HEAD", path("missing")), 404)
        check_answer(http.ask("HEAD", "/nowhere/at/all"), 404)
        check_answer(http.ask("GET", path("k")), 200, b"x" * 1000)


@claim
def an_absolute_target_needs_no_host():
    with serve() as server, Http(server) as http:
        server.client()("SET", "a/b", "v")
        http.send(head("GET", "http://fake-host" + path("a%2Fb")), head("GET", "https://[::1]:1" + path("a%2Fb")),
                  head("GET", "http://fake-host?key_count_limit=1", "X-KV-Namespace: db0"))
        check_answer(http.read(), 200, b"v")
        check_answer(http.read(), 200, b"v")
        listed = http.read()
        check([key["name"] for key in json.loads(listed.body)["keys"]], ["a/b"])


@claim
def a_method_that_a_path_does_not_have_is_answered_with_those_it_has():
    with serve() as server, Http(server) as http:
        for method in ("PATCH", "OPTIONS", "get", "TRACE", "POST", "X-Y!"):
            answer = http.ask(method, path("k"))
            check_answer(answer, 405)
            check(sorted(answer.header("Allow").split(", ")), ["DELETE", "GET", "HEAD", "PUT"])
            answer = http.ask(method if method != "POST" else "DELETE", REST)
            check_answer(answer, 405)
            check(sorted(answer.header("Allow").split(", ")), ["GET", "HEAD", "POST"])
            check(answer.header("Content-Type"), "application/json")
            said = json.loads(answer.body)
            check((said["success"], said["result"], len(said["errors"])), (False, None, 1))
        check_answer(http.ask("PUT", path("k"), b"v"), 200)


@claim
def a_body_that_nobody_wants_is_read_over():
    with serve() as server, Http(server) as http:
        for method, target, status in (("PATCH", path("k"), 405), ("POST", "/nowhere", 404), ("GET", path("k"), 404),
                                       ("PUT", "/binding/no-such-namespace/k", 400), ("DELETE", path("k"), 200)):
            check_answer(http.ask(method, target, b"x" * 100000), status)
            http.send(head(method, target, "Transfer-Encoding: chunked") + chunked(b"x" * 100000, 1000))
            check_answer(http.read(), status)
        check(http.is_silent(), True)


@claim
def an_unknown_route_of_the_rest_api_is_refused_in_its_envelope():
    with serve() as server, Http(server) as http:
        for target in ("/client/v4/", "/client/v4/zones", f"{REST}/x/y/z", "/client/v4/accounts/a/storage/kv"):
            answer = http.ask("GET", target)
            check_answer(answer, 404)
            check(answer.header("Content-Type"), "application/json")
            said = json.loads(answer.body)
            check((said["success"], said["errors"][0]["code"] in (7000, 10013)), (False, True), target)


# --- bodies ---


@claim
def a_body_is_asked_for_with_100_continue():
    with serve() as server, Http(server) as http:
        http.send(head("PUT", path("k"), "Expect: 100-continue", "Content-Length: 5"))
        check(http.read().status, 100)
        check(http.is_silent(), True)
        http.send(b"he", b"llo")
        check_answer(http.read(), 200)
        http.send(head("PUT", path("chunked"), "Expect: 100-Continue", "Transfer-Encoding: chunked"))
        check(http.read().status, 100)
        http.send(chunked(b"hello", 2))
        check_answer(http.read(), 200)
        check_value(server, "k", b"hello")
        check_value(server, "chunked", b"hello")


@claim
def a_body_that_is_not_wanted_is_not_asked_for():
    with serve() as server:
        expect = "Expect: 100-continue"
        check_refused_and_closed(server, head("PUT", path("k"), expect, f"Content-Length: {VALUE_MAX + 1}"), 413)
        check_refused_and_closed(server, head("PUT", "/binding/none/k", expect, "Content-Length: 5"), 400)
        check_refused_and_closed(server, head("PATCH", path("k"), expect, "Transfer-Encoding: chunked"), 405)


@claim
def http_1_0_is_not_told_to_continue():
    with serve() as server, Http(server) as http:
        http.send(head("PUT", path("k"), "Expect: 100-continue", "Content-Length: 5", version="HTTP/1.0"))
        check(http.is_silent(), True)
        http.send(b"hello")
        check_answer(http.read(), 200)


@claim
def a_chunked_request_may_be_cut_anywhere():
    body = b"5;ext=1\r\nhello\r\n1\r\n\r\r\n6\r\nworld!\r\n0\r\nDigest: x\r\n\r\n"
    whole = head("PUT", path("k"), "Transfer-Encoding: chunked") + body
    with serve() as server, Http(server) as http, server.client() as client:
        for at in range(1, len(whole)):
            http.send(whole[:at], whole[at:] + request("GET", path("k")))
            check_answer(http.read(), 200)
            check_answer(http.read(), 200, b"hello\rworld!")
            check(client("DEL", "k"), 1)
        for byte in whole:
            http.send(bytes((byte,)))
        check_answer(http.read(), 200)
        check_value(server, "k", b"hello\rworld!")


@claim
def a_head_may_come_byte_by_byte():
    with serve() as server, Http(server) as http:
        for byte in request("PUT", path("k"), b"v\n\r", Content_Type="text/plain") + request("GET", path("k")):
            http.send(bytes((byte,)))
        check_answer(http.read(), 200)
        check_answer(http.read(), 200, b"v\n\r")


@claim
def bodies_of_any_size_come_back_as_they_were():
    with serve() as server, Http(server) as http:
        for size in (0, 1, 65535, 65536, 65537, 131072, 1000003, VALUE_MAX):
            body = (bytes(range(256)) * (size // 256 + 1))[:size]
            check_answer(http.ask("PUT", path("counted"), body), 200)
            http.send(head("PUT", path("chunked"), "Transfer-Encoding: chunked"), chunked(body, 100003))
            check_answer(http.read(), 200)
            for key in ("counted", "chunked"):
                check_answer(http.ask("GET", path(key)), 200, body)


@claim
def a_body_too_long_is_read_to_its_end_before_the_answer():
    body = b"x" * (VALUE_MAX + 1)
    chunks = chunked(body, 1 << 20)
    with serve() as server, Http(server) as http:
        for sent, lines in ((body, f"Content-Length: {len(body)}"), (chunks, "Transfer-Encoding: chunked")):
            http.send(head("PUT", path("k"), lines), sent[:-1])
            check(http.is_silent(), True, f"no answer before the end ({lines})")
            http.send(sent[-1:])
            answer = http.read()
            check((answer.status, answer.reason), (413, f"Value length of {VALUE_MAX + 1} exceeds limit of {VALUE_MAX}."))
        check_answer(http.ask("GET", path("k")), 404)


@claim
def a_body_that_would_never_end_is_not_waited_for():
    with serve() as server:
        check_refused_and_closed(server, head("PUT", path("k"), f"Content-Length: {1 << 40}") + b"x" * 1000, 413)
        check_refused_and_closed(server, head("GET", "/nowhere", f"Content-Length: {1 << 62}") + b"x" * 1000, 404)


@claim
def a_body_that_breaks_off_changes_nothing():
    with serve() as server:
        server.client()("SET", "k", "before")
        for sent in (head("PUT", path("k"), "Content-Length: 6") + b"after",
                     head("PUT", path("k"), "Content-Length: 100000") + b"x" * 99999,
                     head("PUT", path("k"), "Transfer-Encoding: chunked") + b"5\r\nafter\r\n0\r\n\r",
                     head("PUT", path("k"), "Transfer-Encoding: chunked") + b"5\r\nafter\r\n"):
            with Http(server) as http:
                http.send(sent)
                http.socket.shutdown(1)
                check(http.at_end(), True, f"closed after {sent[:100]!r}")
            check_value(server, "k", b"before")


@claim
def broken_chunks_are_refused_and_change_nothing():
    with serve() as server:
        for body in (b"x\r\n", b"-1\r\n", b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhello!\r\n0\r\n\r\n",
                     b"0x5\r\nhello\r\n0\r\n\r\n", b"fffffffffffffffff\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"5;\0\r\nhello\r\n0\r\n\r\n",
                     b"1;" + b"x" * 5000, b"0\r\n" + b"a: b\r\n" * 5000, b"0\r\nx\n\r\n"):
            check_refused_and_closed(server, head("PUT", path("k"), "Transfer-Encoding: chunked") + body, 400)
        check_value(server, "k", None)


# --- limits of a head ---


@claim
def a_head_too_long_is_refused():
    with serve() as server:
        check_refused_and_closed(server, b"GET /" + b"x" * HEAD_MAX, 414)
        check_refused_and_closed(server, head("GET", "/" + "x" * HEAD_MAX), 414)
        check_refused_and_closed(server, head("GET", path("k"), "A: " + "x" * HEAD_MAX), 431)
        check_refused_and_closed(server, head("GET", path("k"), *["A: b"] * (HEADERS_MAX + 1)), 431)
        check_refused_and_closed(server, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100000, 431)
        with Http(server) as http:
            http.send(head("GET", path("k"), *["A: b"] * HEADERS_MAX))
            check_answer(http.read(), 404)
            http.send(head("GET", path("k"), "A: " + "x" * (HEAD_MAX - 200)))
            check_answer(http.read(), 404)


# --- smuggling ---


@claim
def a_request_whose_end_is_in_doubt_is_refused():
    inner = request("PUT", path("smuggled"), b"x")
    put = "PUT", path("k")
    with serve() as server:
        for sent in (
                head(*put, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + inner,
                head(*put, "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n" + inner,
                head(*put, "Transfer-Encoding: chunked", version="HTTP/1.0") + b"0\r\n\r\n" + inner,
                head(*put, "Content-Length: 5", "Content-Length: 6") + b"hello!" + inner,
                head(*put, "Content-Length: 5, 5") + b"hello" + inner,
                head(*put, "Content-Length: +5") + b"hello" + inner,
                head(*put, "Content-Length: 05") + b"hello" + inner,
                head(*put, "Content-Length: 5x") + b"hello" + inner,
                head(*put, "Content-Length: -5") + b"hello" + inner,
                head(*put, "Content-Length:") + inner,
                head(*put, "Content-Length: 18446744073709551617") + b"x" + inner,
                head(*put, "Content-Length : 5") + b"hello" + inner,
                head(*put, "Transfer-Encoding : chunked") + b"0\r\n\r\n" + inner,
                head(*put, " Transfer-Encoding: chunked") + b"0\r\n\r\n" + inner,
                head(*put, "A: b", " Content-Length: 5") + b"hello" + inner,
                head(*put, "A: b\rContent-Length: 5") + b"hello" + inner,
                head(*put, "A: b\nContent-Length: 5") + b"hello" + inner,
                head(*put, "A: b\0", "Content-Length: 5") + b"hello" + inner,
                head(*put, "Content-Length: 5").replace(b"\r\n", b"\n") + b"hello" + inner,
                head(*put, "A: b")[:-2] + b"\n" + inner,
                head("PUT", path("k").replace("?", " ?"), "Content-Length: 5") + b"hello" + inner):
            check_refused_and_closed(server, sent, 400)
        for coding in ("gzip", "chunked, gzip", "gzip, chunked", "identity", "xchunked", "chunked, chunked", "\"chunked\""):
            check_refused_and_closed(server, head(*put, f"Transfer-Encoding: {coding}") + b"0\r\n\r\n" + inner, 501)
        check_refused_and_closed(server, head(*put, "Transfer-Encoding: chunked", "Transfer-Encoding: identity")
                                 + b"0\r\n\r\n" + inner, 501)
        check(server.client()("DBSIZE"), 0)


@claim
def what_is_no_http_is_refused():
    with serve() as server:
        for sent in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"*1\r\n$4\r\nPING\r\n", b"\n", b"\0", b"GET\r\n\r\n", b"GET /\r\n\r\n",
                     b"GET / HTTP/1.1\n\n", b"\r\n" * 100, b"GET / / HTTP/1.1\r\n\r\n", b"G\"T / HTTP/1.1\r\n\r\n", b"GET k HTTP/1.1\r\n\r\n",
                     b"OPTIONS * HTTP/1.1\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"GET /\x01 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"):
            check_refused_and_closed(server, sent, 400)


# --- what clients say is not said by us ---


@claim
def nothing_that_a_client_sends_ends_a_line_of_an_answer():
    evil = "%0D%0AX-Evil:%201%0D%0A%0D%0AHTTP/1.1%20200%20OK"
    with serve() as server, Http(server) as http:
        for method, target in (("GET", path(evil)), ("PUT", path(evil + "k" * 600)), ("GET", path("k", f"&cache_ttl={evil}")),
                               ("PUT", path("k", f"&expiration={evil}")), ("PUT", path("k", f"&expiration_ttl={evil}")),
                               ("GET", f"/binding/db0/?key_count_limit={evil}"), ("GET", f"/binding/db0/?cursor={evil}"),
                               ("GET", f"/binding/{evil}/k"), ("GET", f"/binding/db0/?prefix={evil}"), ("GET", f"{REST}/{evil}"),
                               ("GET", f"{REST}?page={evil}&order={evil}"), ("GET", f"/{evil}"), ("GET", path("%zz" + evil)),
                               ("POST", f"/binding/db0/bulk/get?x={evil}")):
            answer = http.ask(method, target, b"")
            check(answer.header("X-Evil"), None, target)
            check(http.is_silent(0.01), True, target)


@claim
def metadata_and_titles_with_line_ends_stay_on_their_line():
    with serve() as server, Http(server) as http, server.client() as client:
        client("KV.PUT", "k", "v", "META", '{"a":1,\r\n"b":"\\r\\n\x7f"\t}')
        answer = http.ask("GET", path("k"))
        check_answer(answer, 200, b"v")
        check(json.loads(answer.header("CF-KV-Metadata")), {"a": 1, "b": "\r\n\x7f"})
        title = "t\r\nX-Evil: 1\r\n\r\n"
        check(client("NAMESPACE", "CREATE", title), "OK")
        listed = json.loads(http.ask("GET", REST + "?per_page=1000").body)["result"]
        check(title in [ns["title"] for ns in listed], True)
        refused = http.ask("POST", REST, json.dumps({"title": title}).encode())
        check((refused.status, refused.header("X-Evil")), (400, None))


# --- the connection's other end ---


@claim
def clients_are_counted_with_those_of_redis_up_to_maxclients():
    with serve("--maxclients", "10") as server:
        clients = []
        try:
            for _ in range(20):
                clients.append(Http(server))
                clients[-1].send(request("GET", path("k")))
            served = refused = 0
            for client in clients:
                try:
                    answer = client.read_head()
                    served, refused = served + (answer.status == 404), refused + (answer.status == 503)
                except (Closed, ConnectionResetError):
                    refused += 1
            check((served <= 10, served >= 8, served + refused), (True, True, 20), f"{served} served, {refused} refused")
        finally:
            for client in clients:
                client.close()


@claim
def info_tells_how_many_clients_the_port_has():
    with serve() as server:
        resp = server.client()
        count = lambda: int(re.search(rb"http_clients:(\d+)", resp("INFO", "clients"))[1])
        check(count(), 0)
        clients = [Http(server) for _ in range(3)]
        for client in clients:
            check(client.ask("GET", path("k")).status, 404)
        check(count(), 3)
        check(b"\ngrapevine_http_clients 3\n" in clients[0].ask("GET", "/metrics").body, True)
        for client in clients:
            client.close()
        wait.until(lambda: count() == 0, "closed ones do not count")


if __name__ == "__main__":
    run()
