#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: cycles.py COUNT PARALLEL [IMAGE]: runs whole lives of pods (run, create, start, exec, stop, remove), half of
them with a CNI network, PARALLEL at a time; fails at the first one that does not go as it should."""

import concurrent.futures
import sys
import time

from cri import Client

IMAGE = "registry.k8s.io/e2e-test-images/busybox:1.29-2"


def cycle(client, number, image):
    network = 0 if number % 2 else 2
    options = {"network": network, "pid": 1}
    pod_config = {
        "metadata": {"name": f"cycle-{number}", "uid": f"cycle-{number}-uid", "namespace": "e2e"},
        "labels": {"suite": "e2e"},
        "linux": {"cgroup_parent": f"/e2e.slice/e2e-cycle{number}.slice", "security_context": {"namespace_options": options}},
    }
    pod = client.call("RunPodSandbox", {"config": pod_config})["pod_sandbox_id"]
    container = client.call("CreateContainer", {
        "pod_sandbox_id": pod, "sandbox_config": pod_config, "config": {
            "metadata": {"name": "c"}, "image": {"image": image},
            "command": ["sh", "-c", "trap 'exit 3' TERM; : >/ready; while :; do sleep 0.1; done"],
            "linux": {"resources": {"memory_limit_in_bytes": 64 << 20},
                      "security_context": {"namespace_options": options}}}})["container_id"]
    client.call("StartContainer", {"container_id": container})
    answer = client.call("ExecSync", {"container_id": container, "timeout": 60, "cmd": [
        # The first process of a pid namespace gets no signal that it does not wait for.
        "sh", "-c", "while [ ! -e /ready ]; do sleep 0.01; done"]})
    assert answer["exit_code"] == 0, answer
    client.call("StopContainer", {"container_id": container, "timeout": 30})
    status = client.call("ContainerStatus", {"container_id": container})["status"]
    assert status["state"] == "CONTAINER_EXITED" and status["exit_code"] == 3, status
    client.call("StopPodSandbox", {"pod_sandbox_id": pod})
    client.call("RemoveContainer", {"container_id": container})
    client.call("RemovePodSandbox", {"pod_sandbox_id": pod})


def main():
    count, parallel = int(sys.argv[1]), int(sys.argv[2])
    image = sys.argv[3] if len(sys.argv) > 3 else IMAGE
    client = Client()
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        for future in concurrent.futures.as_completed([pool.submit(cycle, client, n, image) for n in range(count)]):
            future.result()
    print(f"{count} pod cycles in {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
