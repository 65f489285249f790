#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: channels.py [--protocol=NAME] URL

A client of exec, attach and port-forward for what Kubernetes' own clients do not do: channels over WebSocket for
port-forward, and unix sockets (http+unix://%2Fpath/…). A line "N TEXT" on stdin goes to channel N, with its newline. What
comes is printed as lines "N 'text as Python writes it'", and "closed CODE" at the end, which is the server's to make."""

import argparse
import socket
import struct
import sys
import threading
import urllib.parse

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def connect(url):
    if url.scheme == "http+unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(urllib.parse.unquote(url.netloc))
        return connection
    return socket.create_connection((url.hostname, url.port))


def send(connection, opcode, payload):
    """One message. A mask is asked for; one of zeros leaves the bytes as they are."""
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
    connection.sendall(head + bytes(4) + payload)


def send_lines(connection):
    for line in sys.stdin.buffer:
        channel, _, text = line.partition(b" ")
        send(connection, BINARY, bytes((int(channel),)) + text)


def exactly(stream, count):
    data = stream.read(count)
    if len(data) < count:
        sys.exit("channels: the connection ends in the middle")
    return data


def receive(stream):
    """The opcode and the payload of a message."""
    message, first = b"", None
    while True:
        head, size = exactly(stream, 2)
        if size == 126:
            size, = struct.unpack(">H", exactly(stream, 2))
        elif size == 127:
            size, = struct.unpack(">Q", exactly(stream, 8))
        payload, opcode = exactly(stream, size), head & 15
        if opcode >= CLOSE:
            return opcode, payload
        first = first or opcode
        message += payload
        if head & 0x80:
            return first, message


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", default="v4.channel.k8s.io")
    parser.add_argument("url", type=urllib.parse.urlsplit)
    options = parser.parse_args()
    connection = connect(options.url)
    connection.sendall(f"GET {options.url.path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       f"Sec-WebSocket-Protocol: {options.protocol}\r\n\r\n".encode())
    stream = connection.makefile("rb")
    answer = stream.readline().decode().strip()
    while stream.readline().strip():
        pass
    if " 101 " not in answer:
        sys.exit(f"channels: {answer}: {stream.read().decode()}")
    threading.Thread(target=send_lines, args=(connection,), daemon=True).start()
    while True:
        opcode, payload = receive(stream)
        if opcode == CLOSE:
            print("closed", *struct.unpack(">H", payload[:2]), flush=True)
            send(connection, CLOSE, payload[:2])
            break
        if opcode == PING:
            send(connection, PONG, payload)
        elif payload:
            print(payload[0], ascii(payload[1:].decode("latin-1")), flush=True)


main()
