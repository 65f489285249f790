#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: mutate.py COUNT [SEED]

Sends COUNT requests, of every rpc that takes anything, with one to four fields set to values that nobody should send (any
field, found by reflection), or to such that contradict each other. The daemon must answer each in time, by a refusal that
leaves nothing behind or by doing it: then what it tells of the result is what was asked. It must be the same process
afterwards. Prints what was done and what was refused; a failure names the request and the seed.
"""

import collections
import random
import subprocess
import sys
import tempfile

import grpc
import told
from cri import Client
from google.protobuf import json_format
from mutations import CONTAINER_CONTRADICTIONS, POD_CONTRADICTIONS, fields_of, mutate, name_of

IMAGE = "registry.k8s.io/e2e-test-images/busybox:1.29-2"
ABSENT = "registry.k8s.io/e2e-test-images/absent:1"
NODE = 2
# What a request can be refused with. UNKNOWN, UNAVAILABLE, DEADLINE_EXCEEDED and CANCELLED are none of it.
REFUSALS = {"INVALID_ARGUMENT", "UNIMPLEMENTED", "FAILED_PRECONDITION", "NOT_FOUND", "ALREADY_EXISTS",
            "PERMISSION_DENIED", "OUT_OF_RANGE", "RESOURCE_EXHAUSTED", "INTERNAL"}


def pod_config(number):
    return {"metadata": {"name": f"mutation-{number}", "uid": f"mutation-{number}", "namespace": "e2e"},
            "labels": {"suite": "e2e"}, "linux": {"security_context": {"namespace_options": {"network": NODE}}}}


class Bed:
    """A pod with a running container, and requests that are good as they are."""

    def __init__(self):
        self.client = Client()
        self.number = 0
        self.done = collections.Counter()
        self.refused = collections.Counter()
        self.logs = tempfile.TemporaryDirectory()
        config = {**pod_config("base"), "log_directory": self.logs.name}
        self.pod = self.client.call("RunPodSandbox", {"config": config})["pod_sandbox_id"]
        self.container = self.client.call("CreateContainer", self.create())["container_id"]
        self.client.call("StartContainer", {"container_id": self.container})

    def create(self):
        self.number += 1
        return {"pod_sandbox_id": self.pod, "config": {
            "metadata": {"name": f"c{self.number}"}, "image": {"image": IMAGE}, "command": ["sleep", "1000"]}}

    def run(self):
        self.number += 1
        return {"config": pod_config(self.number)}

    def of_container(self, **more):
        return {"container_id": self.container, **more}

    def of_new_container(self, start=False):
        container = self.client.call("CreateContainer", self.create())["container_id"]
        if start:
            self.client.call("StartContainer", {"container_id": container})
        return {"container_id": container}

    def of_new_pod(self):
        return {"pod_sandbox_id": self.client.call("RunPodSandbox", self.run())["pod_sandbox_id"]}

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

    def end(self):
        self.client.call("UpdateRuntimeConfig", {})
        self.client.call("StopPodSandbox", {"pod_sandbox_id": self.pod})
        self.client.call("RemovePodSandbox", {"pod_sandbox_id": self.pod})
        self.logs.cleanup()


def requests(bed):
    """A good request of each rpc that has fields; every rpc that is not here has none, which main() checks."""
    pod = {"pod_sandbox_id": bed.pod}
    return {
        "Version": dict, "Status": dict, "UpdateRuntimeConfig": dict,
        "RunPodSandbox": bed.run, "StopPodSandbox": bed.of_new_pod, "RemovePodSandbox": bed.of_new_pod,
        "PodSandboxStatus": lambda: pod, "PodSandboxStats": lambda: pod, "UpdatePodSandboxResources": lambda: pod,
        "CreateContainer": bed.create, "StartContainer": bed.of_new_container,
        "StopContainer": lambda: bed.of_new_container(start=True), "RemoveContainer": bed.of_new_container,
        "ContainerStatus": bed.of_container, "ContainerStats": bed.of_container,
        "UpdateContainerResources": bed.of_container, "ReopenContainerLog": bed.of_container,
        "ExecSync": lambda: bed.of_container(cmd=["true"], timeout=5),
        "Exec": lambda: bed.of_container(cmd=["true"], stdout=True),
        "Attach": lambda: bed.of_container(stdout=True), "PortForward": lambda: pod,
        "CheckpointContainer": bed.of_container, "CheckpointPod": lambda: pod, "RestorePod": dict,
        "ImageStatus": lambda: {"image": {"image": IMAGE}}, "RemoveImage": lambda: {"image": {"image": ABSENT}},
        "PullImage": lambda: {"image": {"image": ABSENT}},
        **{rpc: dict for rpc in ("ListPodSandbox", "ListContainers", "ListContainerStats", "ListPodSandboxStats",
                                 "ListImages", "StreamPodSandboxes", "StreamContainers", "StreamContainerStats",
                                 "StreamPodSandboxStats", "StreamImages")}}


def check_done(bed, rpc, message, answer):
    """What is wrong with a success: one sentence each."""
    if rpc == "RunPodSandbox":
        status = bed.client.send("PodSandboxStatus", bed.client.prepare("PodSandboxStatus", {
            "pod_sandbox_id": answer.pod_sandbox_id, "verbose": True}))
        yield from told.pod(message, status)
    elif rpc == "CreateContainer":
        request = {"container_id": answer.container_id, "verbose": True}
        status = bed.client.send("ContainerStatus", bed.client.prepare("ContainerStatus", request))
        yield from told.container(message.config, status)
        try:  # what was taken can be started, or its start says why not
            bed.client.call("StartContainer", {"container_id": answer.container_id}, timeout=60)
        except grpc.RpcError as error:
            if error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                yield f"its start: {error.code().name}: {error.details()[:500]}"
    elif rpc == "UpdateContainerResources":
        status = bed.client.send("ContainerStatus", bed.client.prepare("ContainerStatus", bed.of_container()))
        yield from told.resources(message.linux, status.status.resources.linux)
    elif rpc in ("ListPodSandbox", "StreamPodSandboxes", "ListContainers", "StreamContainers"):
        for part in answer if rpc.startswith("Stream") else [answer]:
            for item in part.ListFields()[0][1] if part.ListFields() else []:
                yield from told.listed(message.filter, item, True)
    elif rpc in ("ListContainerStats", "StreamContainerStats", "ListPodSandboxStats", "StreamPodSandboxStats"):
        for part in answer if rpc.startswith("Stream") else [answer]:
            for item in part.ListFields()[0][1] if part.ListFields() else []:
                yield from told.listed(message.filter, item.attributes, False)
    elif rpc == "ExecSync" and not bed.container.startswith(message.container_id):
        yield f"ran in the container {message.container_id[:100]!r}"


def receive(bed, rpc, message):
    answer = bed.client.send(rpc, message, timeout=60)
    return list(answer) if rpc in bed.client.streams else answer


def spoil(bed, rpc, chance, fields):
    """A request with something wrong, and the names of what was set."""
    message = bed.client.prepare(rpc, requests(bed)[rpc]())
    contradictions = {"RunPodSandbox": POD_CONTRADICTIONS, "CreateContainer": CONTAINER_CONTRADICTIONS}.get(rpc)
    if contradictions and chance.random() < 0.25:
        parts = [chance.choice(contradictions) for _ in range(chance.randint(1, 2))]
        for part in parts:
            json_format.ParseDict(part, message.config)
        return message, [str(part) for part in parts]
    names = []
    for _ in range(chance.randint(1, 4)):
        path, is_map = chance.choice(fields)
        mutate(message, path, is_map, chance)
        names.append(name_of(path))
    return message, names


def send(bed, rpc, chance, fields):
    before = bed.ids()
    message, names = spoil(bed, rpc, chance, fields)
    now = bed.ids()
    where = f"{rpc} {names}"
    try:
        answer = receive(bed, rpc, message)
    except grpc.RpcError as error:
        bed.refused[rpc] += 1
        details = f"{error.code().name}: {(error.details() or '')[:500]}"
        # A registry that does not have it, or cannot be reached.
        allowed = REFUSALS | ({"UNKNOWN", "UNAVAILABLE"} if rpc == "PullImage" else set())
        assert error.code().name in allowed, f"{where}: {details}"
        assert error.details(), f"{where}: refused without a word"
        if rpc not in ("StopPodSandbox", "RemovePodSandbox", "StopContainer", "RemoveContainer"):
            assert bed.ids() == now, f"{where}: was refused and has changed something: {details}"
        bed.remove_what_is_new(before)
        return
    bed.done[rpc] += 1
    problems = list(check_done(bed, rpc, message, answer))
    assert not problems, f"{where}: was done, but: {'; '.join(problems)}\n{str(message)[:2000]}"
    bed.remove_what_is_new(before)
    if rpc == "UpdateContainerResources":  # so that the next one is told apart from it
        fresh = bed.of_new_container(start=True)
        bed.client.call("RemoveContainer", {"container_id": bed.container})
        bed.container = fresh["container_id"]


def main_pid():
    return subprocess.run(["systemctl", "show", "-P", "MainPID", "rktlet.service"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def main():
    count = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    chance = random.Random(seed)
    bed, pid = Bed(), main_pid()
    rpcs = requests(bed)
    fields = {rpc: list(fields_of(bed.client.prepare(rpc).DESCRIPTOR)) for rpc in bed.client.rpcs}
    assert {rpc for rpc in fields if fields[rpc]} == set(rpcs), "the rpcs with fields are not those that are tried"
    # Those that make something have most of the fields: they have half of the turns.
    weights = [len(rpcs) / 3 if rpc in ("RunPodSandbox", "CreateContainer", "UpdateContainerResources") else 1
               for rpc in rpcs]
    for number in range(count):
        rpc = chance.choices(list(rpcs), weights)[0]
        try:
            send(bed, rpc, chance, fields[rpc])
            assert main_pid() == pid, f"{rpc}: the daemon is another process"
        except AssertionError as error:
            raise AssertionError(f"request {number} of seed {seed}: {error}") from None
    bed.end()
    for rpc in rpcs:
        print(f"{rpc}: {bed.done[rpc]} done, {bed.refused[rpc]} refused")
    print(f"{bed.done.total()} requests were done, {bed.refused.total()} refused")


if __name__ == "__main__":
    main()
