#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: oom.py COUNT

Runs COUNT containers into their memory limit, a quarter of them of each kind, and looks at how each is reported:
  main     the first process of the container is killed
  child    a child is killed; the first process ends with the child's code, or goes on and ends well
  several  four at once in one pod
  slice    the limit is the pod's slice's; a container beside the guilty one must not be blamed
Prints a line for every wrong one, and `R of COUNT right`; status 1 unless all are.
"""

import subprocess
import sys
import time

from cri import Client

IMAGE = "registry.k8s.io/e2e-test-images/busybox:1.29-2"
HOG = "dd if=/dev/zero of=/dev/null bs=100M"
LIMIT = 15 << 20
SLICE = "e2e-oom.slice"
SLICE_LIMIT = 64 << 20
KILLED = (137, "OOMKilled")
WELL = (0, "Completed")


class Bed:
    def __init__(self):
        self.client = Client()
        self.number = 0
        self.wrong = 0

    def pod(self, slice_name=None):
        self.number += 1
        config = {"metadata": {"name": f"oom-{self.number}", "uid": f"oom-{self.number}", "namespace": "e2e"},
                  "labels": {"suite": "e2e"},
                  "linux": {"security_context": {"namespace_options": {"network": 2}}}}
        if slice_name:
            config["linux"]["cgroup_parent"] = f"/e2e.slice/{slice_name}"
        return self.client.call("RunPodSandbox", {"config": config})["pod_sandbox_id"]

    def create(self, pod, name, script, limit=LIMIT):
        resources = {"memory_limit_in_bytes": limit, "memory_swap_limit_in_bytes": limit} if limit else {}
        return self.client.call("CreateContainer", {"pod_sandbox_id": pod, "config": {
            "metadata": {"name": name}, "image": {"image": IMAGE}, "command": ["sh", "-c", script],
            "linux": {"resources": resources}}})["container_id"]

    def start(self, container):
        self.client.call("StartContainer", {"container_id": container})

    def status(self, container):
        return self.client.call("ContainerStatus", {"container_id": container})["status"]

    def end_of(self, container):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            status = self.status(container)
            if status["state"] == "CONTAINER_EXITED":
                return status["exit_code"], status["reason"]
            time.sleep(0.02)
        return None, "still running"

    def check(self, kind, container, want):
        got = self.end_of(container)
        if got != want:
            self.wrong += 1
            print(f"{kind}: want {want}, got {got}: {self.status(container)}", flush=True)

    def remove(self, pod):
        self.client.call("StopPodSandbox", {"pod_sandbox_id": pod})
        self.client.call("RemovePodSandbox", {"pod_sandbox_id": pod})


def main_process(bed, count):
    pod = bed.pod()
    for n in range(count):
        container = bed.create(pod, f"main-{n}", "exec " + HOG)
        bed.start(container)
        bed.check("main", container, KILLED)
        bed.client.call("RemoveContainer", {"container_id": container})
    bed.remove(pod)


def child(bed, count):
    pod = bed.pod()
    for n in range(count):
        # Its own end is what counts, not its child's.
        script, want = ((HOG + "; exit $?", KILLED), (HOG + "; exit 0", WELL))[n % 2]
        container = bed.create(pod, f"child-{n}", script)
        bed.start(container)
        bed.check("child", container, want)
        bed.client.call("RemoveContainer", {"container_id": container})
    bed.remove(pod)


def several(bed, count):
    for first in range(0, count, 4):
        pod = bed.pod()
        containers = [bed.create(pod, f"several-{n}", "exec " + HOG) for n in range(first, min(first + 4, count))]
        started = [bed.client.begin("StartContainer", {"container_id": container}) for container in containers]
        for call in started:
            call.result()
        for container in containers:
            bed.check("several", container, KILLED)
        bed.remove(pod)


def of_the_slice(bed, count):
    if count == 0:
        return
    subprocess.run(["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                    "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))", SLICE, "fail", "2",
                    "MemoryMax", "t", str(SLICE_LIMIT), "MemorySwapMax", "t", "0", "0"],
                   check=True, stdout=subprocess.DEVNULL)
    try:
        pod = bed.pod(SLICE)
        for n in range(count):
            innocent = bed.create(pod, f"innocent-{n}",
                                  "trap 'exit 0' TERM; : >/ready; while :; do sleep 0.05; done", 0)
            guilty = bed.create(pod, f"guilty-{n}", "exec " + HOG, 0)
            bed.start(innocent)
            bed.client.call("ExecSync", {"container_id": innocent, "timeout": 60,
                                         "cmd": ["sh", "-c", "while [ ! -e /ready ]; do sleep 0.01; done"]})
            bed.start(guilty)
            bed.check("slice", guilty, KILLED)
            bed.client.call("StopContainer", {"container_id": innocent, "timeout": 30})
            # Where the guilty one dies slowly the kernel may take the innocent one too: then that is its end.
            bed.check("innocent", innocent, KILLED if kernel_killed(innocent) else WELL)
            for container in (innocent, guilty):
                bed.client.call("RemoveContainer", {"container_id": container})
        bed.remove(pod)
    finally:
        subprocess.run(["systemctl", "stop", SLICE, "e2e.slice"], check=False)


def kernel_killed(container):
    """Whether the kernel's log names the container's group as that of a process that it killed for memory."""
    log = subprocess.run(["dmesg"], check=False, capture_output=True, text=True).stdout
    return any("oom-kill:" in line and f"{container[:12]}.service" in line for line in log.splitlines())


def main():
    count = int(sys.argv[1])
    bed = Bed()
    begun = time.monotonic()
    kinds = (main_process, child, several, of_the_slice)
    for index, kind in enumerate(kinds):
        kind(bed, (count + index) // len(kinds))
    print(f"{count - bed.wrong} of {count} right in {time.monotonic() - begun:.0f} s")
    sys.exit(bed.wrong != 0)


if __name__ == "__main__":
    main()
