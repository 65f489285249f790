#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: mutate.py COUNT [SEED]

Sends COUNT requests of every rpc that makes or changes something, with one to four fields set to values that nobody
should send (any field, found by reflection). The daemon must answer each, by a status or by doing it, must be the same
process afterwards, and nothing may be left but what it said it made. Prints what was taken and what was refused.
"""

import random
import subprocess
import sys

import grpc
from cri import Client
from google.protobuf.descriptor import FieldDescriptor as Field

IMAGE = "registry.k8s.io/e2e-test-images/busybox:1.29-2"
TEXTS = ["", "..", "../../../etc/passwd", "/../..", "/", "\n", "a\0b", "\x01\x7f\x1b[2J", "%n%s $(id) ` ; \" ' \\", "-",
         "--config=/etc/shadow", "a" * 255, "a" * 4096, "/" + "b" * 5000, "c" * (1 << 18), "x", "/tmp", "0-1", "ü"]
NUMBERS = [-2**63, 2**63 - 1, -2**31, 2**31 - 1, -1, 0, 1, 7, 999, 5000, 2**40]
MANY = 10_000
NODE = 2


def pod_config(number):
    return {"metadata": {"name": f"mutation-{number}", "uid": f"mutation-{number}", "namespace": "e2e"},
            "labels": {"suite": "e2e"}, "linux": {"security_context": {"namespace_options": {"network": NODE}}}}


def leaves(descriptor, prefix=()):
    for field in descriptor.fields:
        path = prefix + (field,)
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.type == Field.TYPE_MESSAGE and not is_map:
            yield from leaves(field.message_type, path)
        else:
            yield path, is_map


def parent_of(message, path):
    for field in path[:-1]:
        if field.label == Field.LABEL_REPEATED:
            items = getattr(message, field.name)
            message = items[0] if items else items.add()
        else:
            message = getattr(message, field.name)
            message.SetInParent()
    return message


def fitting(field, chance):
    value = chance.choice(NUMBERS)
    bits, low = {Field.CPPTYPE_INT32: (32, -2**31), Field.CPPTYPE_UINT32: (32, 0), Field.CPPTYPE_INT64: (64, -2**63),
                 Field.CPPTYPE_UINT64: (64, 0), Field.CPPTYPE_ENUM: (32, -2**31)}[field.cpp_type]
    return low + (value - low) % 2**bits


def value_for(field, chance):
    if field.cpp_type == Field.CPPTYPE_STRING:
        text = chance.choice(TEXTS)
        return text.encode() if field.type == Field.TYPE_BYTES else text
    if field.cpp_type == Field.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.cpp_type in (Field.CPPTYPE_DOUBLE, Field.CPPTYPE_FLOAT):
        return chance.choice([0.0, -1.0, float("nan"), float("inf")])
    return fitting(field, chance)


def mutate(message, path, is_map, chance):
    field = path[-1]
    parent = parent_of(message, path)
    if is_map:
        many = MANY if chance.random() < 0.05 else 1
        for number in range(many):
            getattr(parent, field.name)[chance.choice(TEXTS) if many == 1 else f"k{number}"] = chance.choice(TEXTS[:12])
    elif field.label == Field.LABEL_REPEATED:
        many = MANY if chance.random() < 0.05 else 1
        getattr(parent, field.name).extend([value_for(field, chance)] * many)
    else:
        setattr(parent, field.name, value_for(field, chance))


class Bed:
    def __init__(self):
        self.client = Client()
        self.number = 0
        self.taken = self.refused = 0
        self.base = self.client.call("RunPodSandbox", {"config": pod_config("base")})["pod_sandbox_id"]
        self.container = self.client.call("CreateContainer", self.create_request())["container_id"]
        self.client.call("StartContainer", {"container_id": self.container})

    def create_request(self):
        self.number += 1
        return {"pod_sandbox_id": self.base, "config": {
            "metadata": {"name": f"c{self.number}"}, "image": {"image": IMAGE}, "command": ["sleep", "1000"]}}

    def run_request(self):
        self.number += 1
        return {"config": pod_config(self.number)}

    def ids(self):
        pods = {pod["id"] for pod in self.client.call("ListPodSandbox")["items"]}
        containers = {container["id"] for container in self.client.call("ListContainers")["containers"]}
        return pods, containers

    def remove_what_is_new(self, before):
        pods, containers = self.ids()
        for container in containers - before[1]:
            self.client.call("RemoveContainer", {"container_id": container})
        for pod in pods - before[0]:
            self.client.call("StopPodSandbox", {"pod_sandbox_id": pod})
            self.client.call("RemovePodSandbox", {"pod_sandbox_id": pod})

    def send(self, rpc, fine, chance, fields):
        message = self.client.prepare(rpc, fine)
        names = []
        for _ in range(chance.randint(1, 4)):
            path, is_map = chance.choice(fields)
            mutate(message, path, is_map, chance)
            names.append(".".join(step.name for step in path))
        before = self.ids()
        try:
            answer = self.client.send(rpc, message, timeout=60)
        except grpc.RpcError as error:
            self.refused += 1
            allowed = {"INVALID_ARGUMENT", "UNIMPLEMENTED", "FAILED_PRECONDITION", "NOT_FOUND", "ALREADY_EXISTS",
                       "PERMISSION_DENIED", "OUT_OF_RANGE", "RESOURCE_EXHAUSTED", "INTERNAL"}
            assert error.code().name in allowed, f"{rpc} {names}: {error.code().name} {error.details()[:500]}"
            assert self.ids() == before, f"{rpc} {names}: was refused and has left something: {error.details()[:500]}"
            return
        self.taken += 1
        if rpc == "CreateContainer":
            try:  # what was taken can be started, or its start says why not
                self.client.call("StartContainer", {"container_id": answer.container_id}, timeout=60)
            except grpc.RpcError as error:
                code = error.code().name
                assert code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), f"{rpc} {names}: {error.details()}"
        self.remove_what_is_new(before)


def main_pid():
    return subprocess.run(["systemctl", "show", "-P", "MainPID", "rktlet.service"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def main():
    count = int(sys.argv[1])
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    bed, pid = Bed(), main_pid()
    requests = {"RunPodSandbox": bed.run_request, "CreateContainer": bed.create_request,
                "UpdateContainerResources": lambda: {"container_id": bed.container},
                "UpdatePodSandboxResources": lambda: {"pod_sandbox_id": bed.base},
                "ExecSync": lambda: {"container_id": bed.container, "cmd": ["true"], "timeout": 5},
                "ListContainers": dict, "ListPodSandbox": dict, "ImageStatus": dict, "Status": dict}
    fields = {rpc: [(path, is_map) for path, is_map in leaves(bed.client.prepare(rpc).DESCRIPTOR)
                    if path[0].name not in ("sandbox_config",)] for rpc in requests}
    for number in range(count):
        rpc = chance.choice(list(requests))
        if not fields[rpc]:
            continue
        bed.send(rpc, requests[rpc](), chance, fields[rpc])
    assert main_pid() == pid, "the daemon is another process"
    bed.client.call("StopPodSandbox", {"pod_sandbox_id": bed.base})
    bed.client.call("RemovePodSandbox", {"pod_sandbox_id": bed.base})
    print(f"{bed.taken} requests were done, {bed.refused} refused")


if __name__ == "__main__":
    main()
