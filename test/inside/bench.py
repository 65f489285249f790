#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: bench.py [--iterations=30] [--pods=20] NAME=SOCKET…: measures CRI runtimes side by side, in turns within one run,
and prints the figures as Markdown tables. Knows where `rktlet` and `containerd` have their processes."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from bus import bus_calls
from cri import Client

IMAGE = "registry.k8s.io/e2e-test-images/nginx:1.14-2"
# Ends at SIGTERM at once; port 0 is any free one.
COMMAND = ["/usr/sbin/nginx", "0", "bench"]
RPCS = ("RunPodSandbox, host network", "RunPodSandbox, bridge", "CreateContainer", "StartContainer", "ExecSync",
        "StopContainer", "StopPodSandbox, host network", "StopPodSandbox, bridge", "RemovePodSandbox")
# The daemon's unit, and the programs that stay beside each pod.
PROCESSES = {"rktlet": ("rktlet", ("rkt-helper",)), "containerd": ("containerd", ("containerd-shim-runc-v2", "pause"))}


class Runtime:
    def __init__(self, name, socket):
        self.name = name
        self.client = Client(socket)
        self.times = {rpc: [] for rpc in RPCS}
        self.number = 0

    def timed(self, label, rpc, request):
        message = self.client.prepare(rpc, request)
        started = time.perf_counter()
        answer = self.client.send(rpc, message)
        self.times.setdefault(label, []).append((time.perf_counter() - started) * 1000)
        return answer

    def pod_config(self, bridge=False):
        self.number += 1
        name = f"bench-{self.name}-{self.number}"
        return {"metadata": {"name": name, "uid": name, "namespace": "bench"},
                "linux": {"cgroup_parent": "/bench.slice",
                          "security_context": {"namespace_options": {"network": 0 if bridge else 2, "pid": 1}}}}

    def container_request(self, pod, config, bridge=False):
        return {"pod_sandbox_id": pod, "sandbox_config": config, "config": {
            "metadata": {"name": "c"}, "image": {"image": IMAGE}, "command": COMMAND,
            "linux": {"resources": {"memory_limit_in_bytes": 128 << 20, "cpu_shares": 512},
                      "security_context": {"namespace_options": {"network": 0 if bridge else 2, "pid": 1}}}}}

    def start_pod(self, bridge=False):
        config = self.pod_config(bridge)
        pod = self.client.call("RunPodSandbox", {"config": config})["pod_sandbox_id"]
        container = self.client.call("CreateContainer", self.container_request(pod, config, bridge))["container_id"]
        self.client.call("StartContainer", {"container_id": container})
        return pod, container

    def remove_pod(self, pod):
        self.client.call("StopPodSandbox", {"pod_sandbox_id": pod})
        self.client.call("RemovePodSandbox", {"pod_sandbox_id": pod})

    def life(self, bridge):
        kind = "bridge" if bridge else "host network"
        config = self.pod_config(bridge)
        pod = self.timed(f"RunPodSandbox, {kind}", "RunPodSandbox", {"config": config}).pod_sandbox_id
        container = self.timed("CreateContainer", "CreateContainer",
                               self.container_request(pod, config, bridge)).container_id
        self.timed("StartContainer", "StartContainer", {"container_id": container})
        # A client's next step comes a moment later; an exec into a program that is still starting measures that one.
        time.sleep(0.05)
        answer = self.timed("ExecSync", "ExecSync", {"container_id": container, "cmd": ["true"]})
        assert answer.exit_code == 0, answer
        time.sleep(0.05)
        self.timed("StopContainer", "StopContainer", {"container_id": container, "timeout": 10})
        self.timed(f"StopPodSandbox, {kind}", "StopPodSandbox", {"pod_sandbox_id": pod})
        self.timed("RemovePodSandbox", "RemovePodSandbox", {"pod_sandbox_id": pod})

    def daemon_pid(self):
        unit = PROCESSES[self.name][0]
        return int(subprocess.check_output(["systemctl", "show", "-P", "MainPID", unit + ".service"]))

    def memory(self):
        """(PSS of the daemon in kB, PSS of what stays beside the pods in kB, number of these processes)"""
        beside = [pss(pid) for pid in processes(PROCESSES[self.name][1])]
        return pss(self.daemon_pid()), sum(beside), len(beside)


def pss(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (FileNotFoundError, ProcessLookupError, StopIteration):
        return 0


def processes(names):
    """Processes whose program has one of the names. (A process's own name is cut at 15 characters.)"""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            program = os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")
        except OSError:
            continue
        if program in names:
            yield int(pid)


def measure_bus(runtime, count=10):
    created = []
    pod, container = runtime.start_pod()
    config = runtime.pod_config()
    other = runtime.client.call("RunPodSandbox", {"config": config})["pod_sandbox_id"]
    for number in range(count):
        request = runtime.container_request(other, config)
        request["config"]["metadata"]["name"] = f"c{number}"
        created.append(runtime.client.call("CreateContainer", request)["container_id"])
    starts = bus_calls(lambda: runtime.client.call("StartContainer", {"container_id": created.pop()}), count)
    execs = bus_calls(lambda: runtime.client.call("ExecSync", {"container_id": container, "cmd": ["true"]}), count)
    runtime.remove_pod(pod)
    runtime.remove_pod(other)
    return starts, execs


def table(title, header, rows):
    print(f"\n| {title} | " + " | ".join(header) + " |")
    print("|---|" + "---:|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--pods", type=int, default=20)
    parser.add_argument("--json", help="file for all single times")
    parser.add_argument("runtimes", nargs="+")
    options = parser.parse_args()
    runtimes = [Runtime(*argument.split("=", 1)) for argument in options.runtimes]
    names = [runtime.name for runtime in runtimes]

    for runtime in runtimes:
        runtime.client.call("PullImage", {"image": {"image": IMAGE}})
        for bridge in (False, True):
            runtime.life(bridge)
        runtime.times = {rpc: [] for rpc in RPCS}
    idle = {runtime.name: runtime.memory() for runtime in runtimes}

    for _ in range(options.iterations):
        for bridge in (False, True):
            for runtime in runtimes:
                runtime.life(bridge)
                time.sleep(0.02)
    table(f"median of {options.iterations} or more, ms", names, [
        [rpc] + [f"{statistics.median(runtime.times[rpc]):.1f}" for runtime in runtimes] for rpc in RPCS])
    table("90th percentile, ms", names, [
        [rpc] + [f"{statistics.quantiles(runtime.times[rpc], n=10)[-1]:.1f}" for runtime in runtimes] for rpc in RPCS])

    # Each runtime alone: nothing else may run that a process could share pages with.
    loaded = {}
    for runtime in runtimes:
        pods = [runtime.start_pod()[0] for _ in range(options.pods)]
        time.sleep(1)
        loaded[runtime.name] = runtime.memory()
        for pod in pods:
            runtime.remove_pod(pod)
    table("memory (PSS), kB", names, [
        ["the daemon, no pods"] + [f"{idle[name][0]:,}" for name in names],
        [f"the daemon, {options.pods} pods"] + [f"{loaded[name][0]:,}" for name in names],
        ["beside each pod"] + [f"{loaded[name][1] / options.pods:,.0f}" for name in names],
        ["processes beside each pod"] + [f"{loaded[name][2] / options.pods:.0f}" for name in names],
        [f"together, {options.pods} pods"] + [f"{loaded[name][0] + loaded[name][1]:,}" for name in names]])

    buses = {runtime.name: measure_bus(runtime) for runtime in runtimes}
    table("method calls to systemd over D-Bus", names, [
        ["per container start"] + [f"{buses[name][0][0]:.1f}" for name in names],
        ["per exec"] + [f"{buses[name][1][0]:.1f}" for name in names]])
    for name in names:
        print(f"\n{name}: starts: {buses[name][0][1] or 'none'}; execs: {buses[name][1][1] or 'none'}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({runtime.name: runtime.times for runtime in runtimes}, file)


if __name__ == "__main__":
    main()
