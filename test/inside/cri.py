#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: cri.py [--socket=PATH] [--timeout=SECONDS] [--messages=N] RPC [JSON | -]

Sends one CRI request, any, malformed ones too, which crictl does not do. Prints the answer as JSON, or
`CODE: message` on stderr with status 1. Of a stream, each message as one line as it comes, after a line `{}` that says
that the stream stands where the runtime says so early; ends with the stream or after N messages.
As a module: `Client(socket).call("RunPodSandbox", {...})`.

cri.py --serve=PATH answers the requests of `cri`, which stands beside it, on a socket: each is the runtime's socket, the
deadline, the rpc and the JSON, a line each, the last to the end; the answer is a line OK or ERROR, and what is to be
printed.
"""

import argparse
import functools
import json
import os
import socketserver
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SOCKET = os.environ.get("CRI_SOCKET", "/run/rktlet/rktlet.sock")
DESCRIPTORS = os.environ.get("CRI_DESCRIPTORS", "/opt/rktlet/bin/cri.pb")


@functools.cache
def methods(descriptors):
    """Of each rpc: its path, the class of its request, that of its answer, whether it is a stream."""
    pool = descriptor_pool.DescriptorPool()
    with open(descriptors, "rb") as file:
        for proto in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
            pool.Add(proto)
    factory = message_factory.MessageFactory(pool)
    return [(f"/runtime.v1.{service}/{method.name}", factory.GetPrototype(method.input_type),
             factory.GetPrototype(method.output_type), method.server_streaming)
            for service in ("RuntimeService", "ImageService")
            for method in pool.FindServiceByName("runtime.v1." + service).methods]


class Client:
    def __init__(self, socket=SOCKET, descriptors=DESCRIPTORS):
        # The kubelet's limit for messages, and no proxy on the way to a local socket.
        self._channel = grpc.insecure_channel("unix:" + socket, options=[
            ("grpc.max_receive_message_length", 64 << 20), ("grpc.enable_http_proxy", 0)])
        self._methods = {}
        self.streams = set()
        self.rpcs = []
        for path, request, answer, is_stream in methods(descriptors):
            name = path.rpartition("/")[2]
            self.rpcs.append(name)
            kind = self._channel.unary_stream if is_stream else self._channel.unary_unary
            self._methods[name] = (request, kind(path, request_serializer=request.SerializeToString,
                                                 response_deserializer=answer.FromString))
            if is_stream:
                self.streams.add(name)

    def close(self):
        self._channel.close()

    def prepare(self, rpc, request=None):
        """The request as a message, for calls whose time is measured."""
        return json_format.ParseDict(request or {}, self._methods[rpc][0]())

    def send(self, rpc, message, timeout=120):
        return self._methods[rpc][1](message, timeout=timeout, wait_for_ready=True)

    def begin(self, rpc, request=None, timeout=120):
        """Sends and does not wait: a future."""
        return self._methods[rpc][1].future(self.prepare(rpc, request), timeout=timeout, wait_for_ready=True)

    def call(self, rpc, request=None, timeout=120):
        """The answer as a dictionary with the names of the .proto file; a grpc.RpcError when it failed."""
        return to_dict(self.send(rpc, self.prepare(rpc, request), timeout))

    def stream(self, rpc, request=None, timeout=120):
        """The messages of a stream, as dictionaries; the call itself is the attribute `call` of what is returned."""
        return Stream(self.send(rpc, self.prepare(rpc, request), timeout))


class Stream:
    def __init__(self, call):
        self.call = call

    def wait(self):
        """Returns when the runtime has said that the stream stands: nothing is missed from then on."""
        self.call.initial_metadata()

    def __iter__(self):
        return (to_dict(message) for message in self.call)


def to_dict(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True, including_default_value_fields=True)


def print_stream(stream, count):
    if count == 0:
        return
    stream.wait()
    print("{}", flush=True)
    for number, message in enumerate(stream, 1):
        print(json.dumps(message), flush=True)
        if number == count:
            stream.call.cancel()
            return


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        socket, timeout, rpc, text = self.rfile.read().decode().split("\n", 3)
        try:
            # A connection of its own for each: one that is kept would wait, after the runtime was killed, before it
            # tries again.
            client = Client(socket or SOCKET)
            answer = "OK\n" + json.dumps(client.call(rpc, json.loads(text), float(timeout)))
            client.close()
        except grpc.RpcError as error:
            answer = f"ERROR\n{error.code().name}: {error.details()}"
        except Exception as error:  # pylint: disable=broad-except # whoever asked has to hear of it
            answer = f"ERROR\n{type(error).__name__}: {error}"
        self.wfile.write(answer.encode())


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", default=SOCKET)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--messages", type=int)
    parser.add_argument("--serve", metavar="PATH")
    parser.add_argument("rpc", nargs="?")
    parser.add_argument("json", nargs="?", default="{}")
    options = parser.parse_args()
    if options.serve:
        Server(options.serve, Handler).serve_forever()
    if not options.rpc:
        parser.error("which rpc?")
    text = sys.stdin.read() if options.json == "-" else options.json
    try:
        client = Client(options.socket)
        if options.rpc in client.streams:
            print_stream(client.stream(options.rpc, json.loads(text), options.timeout), options.messages)
            return
        answer = client.call(options.rpc, json.loads(text), options.timeout)
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        sys.exit(1)
    json.dump(answer, sys.stdout)
    print()


if __name__ == "__main__":
    main()
