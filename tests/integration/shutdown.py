#!/usr/bin/python3
"""SIGTERM and SHUTDOWN: nothing acknowledged is lost, and it is over in less than two seconds."""
import signal
import threading
import time

from lib import wait
from lib.claims import check, claim, run
from lib.resp import Closed, Error, encode
from lib.server import Server, is_sanitized

LIMIT_S = 20 if is_sanitized() else 2


class Writer(threading.Thread):
    """Writes k0, k1, ... in pipelines until the connection ends."""

    def __init__(self, client, name):
        super().__init__(daemon=True)
        self.client = client
        self.name = name
        self.acknowledged = 0
        self.errors = []

    def run(self):
        try:
            while True:
                start = self.acknowledged
                self.client.send_bytes(b"".join(encode("SET", f"{self.name}:{start + i}", start + i) for i in range(50)))
                for _ in range(50):
                    answer = self.client.read()
                    if isinstance(answer, Error):
                        self.errors.append(answer)
                        return
                    self.acknowledged += 1
        except (Closed, OSError):
            pass


def end_under_load(end, appendfsync):
    with Server("--key-write-rate", "0", "--appendfsync", appendfsync) as server:
        writers = [Writer(server.client(), f"w{i}") for i in range(5)]
        for writer in writers:
            writer.start()
        wait.until(lambda: sum(writer.acknowledged for writer in writers) > 2000, "2000 writes", 30)
        started = time.monotonic()
        end(server)
        check(server.wait(), 0, "exit code")
        took_s = time.monotonic() - started
        for writer in writers:
            writer.join()
            check(writer.errors, [], "errors on the way out")
        check(took_s < LIMIT_S, True, f"took {took_s:.2f} s")
        server.start()
        client = server.client()
        for writer in writers:
            expected = [str(number).encode() for number in range(writer.acknowledged)]
            found = client.pipeline(*(("GET", f"{writer.name}:{number}") for number in range(writer.acknowledged)))
            check(found, expected, writer.name)


@claim
def sigterm_under_load_loses_nothing():
    for appendfsync in ("everysec", "always", "no"):
        end_under_load(lambda server: server.process.send_signal(signal.SIGTERM), appendfsync)


@claim
def sigint_is_as_good():
    end_under_load(lambda server: server.process.send_signal(signal.SIGINT), "everysec")


@claim
def shutdown_as_a_command_ends_it_too():
    def shutdown(server):
        server.client().send("SHUTDOWN")

    end_under_load(shutdown, "everysec")


@claim
def idle_and_half_read_connections_do_not_delay_the_end():
    with Server() as server:
        clients = [server.client() for _ in range(200)]
        for client in clients[:100]:
            client.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\n")
        started = time.monotonic()
        server.stop()
        check(time.monotonic() - started < LIMIT_S, True, "it took too long")
        check(all(client.at_end() for client in clients), True, "the connections are closed")


if __name__ == "__main__":
    run()
