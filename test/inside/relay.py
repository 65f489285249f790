#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: relay.py PORT TARGET BYTES_PER_SECOND

Listens on 127.0.0.1:PORT and hands connections on to 127.0.0.1:TARGET; what comes back, of all of them together, is that
slow. TLS goes through untouched: a registry behind it is a slow registry.
"""

import socket
import sys
import threading
import time


class Rate:
    """Lets so many bytes a second through."""

    def __init__(self, rate):
        self.rate = rate
        self.free_at = time.monotonic()
        self.lock = threading.Lock()

    def wait_for(self, count):
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + count / self.rate
            until = self.free_at
        time.sleep(max(0, until - time.monotonic()))


def copy(source, sink, rate):
    try:
        while data := source.recv(8192):
            if rate:
                rate.wait_for(len(data))
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # either end is gone: so is the connection


def main():
    port, target, rate = int(sys.argv[1]), int(sys.argv[2]), Rate(int(sys.argv[3]))
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", target))
            for ends in ((client, server, None), (server, client, rate)):
                threading.Thread(target=copy, args=ends, daemon=True).start()


main()
