#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: resize.py COUNT

Gives a running container other limits COUNT times while `systemctl daemon-reload` runs in a loop. Each change must be
in the control group and in ContainerStatus when the call returns; the last one also after one more reload, and after the
daemon was killed. Prints `R of COUNT seen`; status 1 unless all were.
"""

import json
import os
import subprocess
import sys
import threading
import time

import grpc
from cri import Client

IMAGE = "registry.k8s.io/e2e-test-images/busybox:1.29-2"
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
SERVICE = os.environ.get("CRI_SERVICE", "rktlet")


def limits(number):
    """Limits that differ from those of every number near, in values that systemd keeps exactly."""
    return {"memory_limit_in_bytes": (64 + number % 61) << 20,
            "cpu_period": 100000, "cpu_quota": (20 + number % 71) * 1000,
            "cpu_shares": 512 + number % 1009}


def wanted_files(wanted):
    shares = wanted["cpu_shares"]
    if V2:
        return {"memory.max": str(wanted["memory_limit_in_bytes"]),
                "cpu.max": f"{wanted['cpu_quota']} {wanted['cpu_period']}",
                "cpu.weight": str(1 + (shares - 2) * 9999 // 262142)}
    return {"memory/memory.limit_in_bytes": str(wanted["memory_limit_in_bytes"]),
            "cpu/cpu.cfs_quota_us": str(wanted["cpu_quota"]), "cpu/cpu.cfs_period_us": str(wanted["cpu_period"]),
            "cpu/cpu.shares": str(shares)}


def path_of(group, name):
    controller, slash, file = name.rpartition("/")
    return f"/sys/fs/cgroup{slash and '/' + controller}{group}/{file}"


def differences(client, container, group, wanted):
    found = []
    for name, value in wanted_files(wanted).items():
        with open(path_of(group, name), encoding="ascii") as file:
            text = file.read().strip()
        if text != value:
            found.append(f"{name}: want {value}, is {text}")
    told = client.call("ContainerStatus", {"container_id": container})["status"]["resources"]["linux"]
    for name, value in wanted.items():
        if int(told[name]) != value:
            found.append(f"ContainerStatus {name}: want {value}, is {told[name]}")
    return found


def reconnected():
    """The connection that the killed daemon had is broken."""
    deadline = time.monotonic() + 60
    while True:
        try:
            client = Client()
            client.call("Version")
            return client
        except grpc.RpcError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def reload_in_a_loop(stop, count):
    while not stop.is_set():
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        count.append(1)


def main():
    count = int(sys.argv[1])
    client = Client()
    pod = client.call("RunPodSandbox", {"config": {
        "metadata": {"name": "resize", "uid": "resize", "namespace": "e2e"}, "labels": {"suite": "e2e"},
        "linux": {"security_context": {"namespace_options": {"network": 2}}}}})["pod_sandbox_id"]
    container = client.call("CreateContainer", {"pod_sandbox_id": pod, "config": {
        "metadata": {"name": "c"}, "image": {"image": IMAGE}, "command": ["sleep", "100000"],
        "linux": {"resources": limits(0)}}})["container_id"]
    client.call("StartContainer", {"container_id": container})
    info = json.loads(client.call("ContainerStatus", {"container_id": container, "verbose": True})["info"]["info"])
    group = subprocess.run(["systemctl", "show", "-P", "ControlGroup", info["unit"]], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.strip()
    stop, reloads, lost = threading.Event(), [], 0
    thread = threading.Thread(target=reload_in_a_loop, args=(stop, reloads))
    thread.start()
    begun = time.monotonic()
    try:
        for number in range(1, count + 1):
            client.call("UpdateContainerResources", {"container_id": container, "linux": limits(number)})
            for difference in differences(client, container, group, limits(number)):
                print(f"update {number}: {difference}", flush=True)
                lost += 1
    finally:
        seconds = time.monotonic() - begun
        stop.set()
        thread.join()
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    subprocess.run(["systemctl", "kill", "--signal=KILL", SERVICE], check=True)
    client = reconnected()
    late = differences(client, container, group, limits(count))
    for difference in late:
        print(f"at the end: {difference}")
    client.call("StopPodSandbox", {"pod_sandbox_id": pod})
    client.call("RemovePodSandbox", {"pod_sandbox_id": pod})
    print(f"{count - lost} of {count} seen in {seconds:.0f} s, with {len(reloads)} reloads")
    sys.exit(bool(lost or late))


if __name__ == "__main__":
    main()
