#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: cri.py [--socket=PATH] [--timeout=SECONDS] [--messages=N] RPC [JSON | -]

Sends one CRI request, any, malformed ones too, which crictl does not do. Prints the answer as JSON, or
`CODE: message` on stderr with status 1. Of a stream, each message as one line as it comes, after a line `{}` that says
that the stream stands where the runtime says so early; ends with the stream or after N messages.
As a module: `Client(socket).call("RunPodSandbox", {...})`.
"""

import argparse
import json
import os
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SOCKET = os.environ.get("CRI_SOCKET", "/run/rktlet/rktlet.sock")
DESCRIPTORS = os.environ.get("CRI_DESCRIPTORS", "/opt/rktlet/bin/cri.pb")


class Client:
    def __init__(self, socket=SOCKET, descriptors=DESCRIPTORS):
        pool = descriptor_pool.DescriptorPool()
        with open(descriptors, "rb") as file:
            for proto in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
                pool.Add(proto)
        factory = message_factory.MessageFactory(pool)
        # The kubelet's limit for messages, and no proxy on the way to a local socket.
        self._channel = grpc.insecure_channel("unix:" + socket, options=[
            ("grpc.max_receive_message_length", 64 << 20), ("grpc.enable_http_proxy", 0)])
        self._methods = {}
        self.streams = set()
        for service in ("RuntimeService", "ImageService"):
            for method in pool.FindServiceByName("runtime.v1." + service).methods:
                request, answer = factory.GetPrototype(method.input_type), factory.GetPrototype(method.output_type)
                kind = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
                stub = kind(f"/runtime.v1.{service}/{method.name}", request_serializer=request.SerializeToString,
                            response_deserializer=answer.FromString)
                self._methods[method.name] = (request, stub)
                if method.server_streaming:
                    self.streams.add(method.name)

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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", default=SOCKET)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--messages", type=int)
    parser.add_argument("rpc")
    parser.add_argument("json", nargs="?", default="{}")
    options = parser.parse_args()
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
