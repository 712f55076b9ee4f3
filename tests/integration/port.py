#!/usr/bin/python3
"""CONFIG SET port: the server moves, its clients stay; a port that is taken changes nothing."""
import socket

from lib import wait
from lib.claims import check, check_error, claim, run
from lib.resp import Client
from lib.server import Server, free_port


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return False
    except ConnectionRefusedError:
        return True


@claim
def the_server_moves_to_another_port_and_its_clients_stay():
    with Server() as server:
        stayed = server.client()
        port = free_port()
        check(stayed("CONFIG", "SET", "port", str(port)), "OK")
        with Client(port) as client:
            check(client("PING"), "PONG")
        wait.until(lambda: is_refused(server.port), "the old port is closed", 10, 0.005)
        check(stayed("PING"), "PONG")


@claim
def a_port_that_is_taken_is_refused_and_nothing_changes():
    with Server() as server, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        client = server.client()
        before = client("CONFIG", "GET", "maxmemory", "port")
        answer = client("CONFIG", "SET", "maxmemory", "1gb", "port", str(taken.getsockname()[1]))
        check_error(answer, "ERR")
        check("Unable to listen on this port" in answer, True, answer)
        check(client("CONFIG", "GET", "maxmemory", "port"), before)
        check(server.client()("PING"), "PONG")


if __name__ == "__main__":
    run()
