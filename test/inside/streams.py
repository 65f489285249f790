#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: streams.py [--short] [--only=copies,crowd,idle,execs] [OPTION…]: exec, attach and port-forward under load, on
the system it is called on. Fails when a byte is wrong or something is left behind; prints the figures as Markdown.

copies: bytes through each kind of stream and back, in each transport, beside socat over a unix socket. crowd: good, slow,
stalled, killed and nonsensical clients at the same time; afterwards processes, descriptors and the live heap have to be
as before. idle: what a stream without traffic costs. execs: times of ExecSync, and its D-Bus calls."""

import argparse
import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from bench import processes, pss, table
from bus import bus_calls
from cri import Client

IMAGE = "registry.k8s.io/e2e-test-images/busybox:1.29-2"
STREAMLOAD = "/opt/rktlet/bin/streamload"
ECHO, ENDLESS = 8001, 8002
PRINT_LINES = "i=0; while :; do for j in 0 1 2 3 4 5 6 7 8 9; do i=$((i+1)); echo line $i; done; sleep 0.02; done"
MIB = 1 << 20
# Live heap may differ by this much after a crowd: allocators' caches, gRPC's arenas. A stream that leaks has more.
HEAP_SLACK = 192 << 10


class Pod:
    """A pod with a network of its own, and the containers that the tests need."""

    def __init__(self, client, directory):
        self.client = client
        self.config = {"metadata": {"name": "streams", "uid": "streams", "namespace": "streams", "attempt": 0},
                       "log_directory": directory, "linux": {}}
        self.id = client.call("RunPodSandbox", {"config": self.config})["pod_sandbox_id"]
        self.number = 0

    def start(self, command, **more):
        self.number += 1
        name = f"c{self.number}"
        config = {"metadata": {"name": name}, "image": {"image": IMAGE}, "command": command, "log_path": name + ".log",
                  "linux": {}, **more}
        container = self.client.call("CreateContainer", {
            "pod_sandbox_id": self.id, "config": config, "sandbox_config": self.config})["container_id"]
        self.client.call("StartContainer", {"container_id": container})
        return container

    def remove_container(self, container):
        self.client.call("StopContainer", {"container_id": container, "timeout": 0})
        self.client.call("RemoveContainer", {"container_id": container})

    def remove(self):
        self.client.call("StopPodSandbox", {"pod_sandbox_id": self.id})
        self.client.call("RemovePodSandbox", {"pod_sandbox_id": self.id})


def streamload(*arguments):
    done = subprocess.run([STREAMLOAD, *map(str, arguments)], stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode != 0:
        sys.exit(f"streams: streamload {' '.join(map(str, arguments))}: status {done.returncode}\n{done.stdout}")
    return json.loads(done.stdout) if done.stdout.startswith("{") else None


def resources(client):
    return json.loads(client.call("Status", {"verbose": True})["info"]["resources"])


def daemon():
    return int(subprocess.check_output(["systemctl", "show", "-P", "MainPID", "rktlet.service"]))


def names_of_processes():
    names = collections.Counter()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                names[file.read().strip()] += 1
        except (FileNotFoundError, ProcessLookupError):
            continue
    # What comes and goes by itself.
    return {name: count for name, count in names.items()
            if name != "sleep" and not name.startswith(("kworker", "systemd", "(sd-"))}


def wait_until(what, seconds=60):
    """Repeats `what` until it returns nothing to complain about."""
    deadline = time.monotonic() + seconds * float(os.environ.get("E2E_SLOW", "1"))
    while complaint := what():
        if time.monotonic() > deadline:
            sys.exit(f"streams: {complaint}")
        time.sleep(0.1)


# ---- copies ----------------------------------------------------------------------------------------------------------

def socat_rate(size, directory):
    path = os.path.join(directory, "socat")
    with subprocess.Popen(["socat", "-b65536", "-t600", f"UNIX-LISTEN:{path}", "EXEC:cat"]) as server:
        wait_until(lambda: None if os.path.exists(path) else "socat does not listen")
        seconds = streamload("copy", "--kind=unix", f"--id={path}", f"--bytes={size}")["seconds"]
        server.wait()
    return size / seconds / MIB


def copies(client, options, directory):
    pod = Pod(client, directory)
    work = pod.start(["sleep", "1000000"])
    pod.start(["/streamload", "serve"], mounts=[{"host_path": STREAMLOAD, "container_path": "/streamload", "readonly": True}])
    wait_for_echo(pod)
    baseline = socat_rate(options.bytes, directory)
    rows = [["socat over a unix socket", f"{baseline:.0f}", "1.00"]]

    def one(label, *arguments):
        seconds = streamload("copy", f"--bytes={options.bytes}", *arguments)["seconds"]
        rate = options.bytes / seconds / MIB
        rows.append([label, f"{rate:.0f}", f"{rate / baseline:.2f}"])

    for name, transport in (("SPDY", "spdy"), ("WebSocket", "websocket")):
        one(f"exec, {name}", "--kind=exec", f"--transport={transport}", f"--id={work}")
        attached = pod.start(["cat"], stdin=True, stdin_once=True)
        one(f"attach, {name}", "--kind=attach", f"--transport={transport}", f"--id={attached}")
        pod.remove_container(attached)
        for file in os.listdir(directory):
            if file.endswith(".log"):
                os.truncate(os.path.join(directory, file), 0)
        form = "SPDY" if transport == "spdy" else "SPDY in a WebSocket"
        one(f"port-forward, {form}", "--kind=forward", f"--transport={transport}", f"--id={pod.id}", f"--port={ECHO}")
    one("port-forward, WebSocket channels", "--kind=forward", "--transport=channels", f"--id={pod.id}", f"--port={ECHO}")
    pod.remove()
    table(f"{options.bytes // MIB} MiB there and back, sha256 compared", ["MiB/s", "ratio to socat"], rows)


def wait_for_echo(pod):
    log = os.path.join(pod.config["log_directory"], f"c{pod.number}.log")

    def look():
        with open(log, encoding="utf-8") as file:
            return None if file.read().count("serving") >= 2 else "the servers in the pod do not serve"

    wait_until(look)


# ---- crowd -----------------------------------------------------------------------------------------------------------

def crowd(client, options, directory):
    pod = Pod(client, directory)
    work = pod.start(["sleep", "1000000"])
    printing = pod.start(["sh", "-c", PRINT_LINES])
    pod.start(["/streamload", "serve"], mounts=[{"host_path": STREAMLOAD, "container_path": "/streamload", "readonly": True}])
    wait_for_echo(pod)

    def let_in(part):
        return streamload("crowd", f"--container={work}", f"--printing={printing}", f"--pod={pod.id}", f"--echo={ECHO}",
                          f"--endless={ENDLESS}", f"--execs={options.execs // part}", f"--attaches={options.attaches // part}",
                          f"--forwards={options.forwards // part // 10 * 10}")

    # What is made once and kept is made by a smaller crowd.
    quiet = names_of_processes()
    let_in(2)
    wait_until(lambda: streams_left(client))
    before = resources(client)
    result = let_in(1)
    rows = [[name, str(count), "right"] for name, count in sorted(result["right"].items())]
    rows += [[name, str(count), "survived"] for name, count in sorted(result["bad"].items())]
    table("clients at the same time", ["number", "result"], rows)
    wait_until(lambda: streams_left(client))
    wait_until(lambda: left_over(client, before, quiet))
    after = resources(client)
    table("rktlet before and after", ["before", "after"],
          [[name, f"{before[key]:,}", f"{after[key]:,}"] for name, key in (
              ("live heap, bytes", "heapBytes"), ("heap from the system, bytes", "heapHeldBytes"),
              ("descriptors", "descriptors"), ("connections", "streamClients"))])
    log = os.path.join(directory, "c2.log")
    size = os.path.getsize(log)
    wait_until(lambda: None if os.path.getsize(log) > size else "the attached container does not go on")
    pod.remove()


def streams_left(client):
    now = resources(client)
    if now["streamClients"] or now["streamBufferBytes"]:
        return f"streams are left: {now}"
    return None


def left_over(client, before, quiet):
    now, names = resources(client), names_of_processes()
    if now["descriptors"] > before["descriptors"]:
        return f"descriptors: {before['descriptors']} before, {now['descriptors']} after"
    if now["heapBytes"] > before["heapBytes"] + HEAP_SLACK:
        return f"live heap: {before['heapBytes']} before, {now['heapBytes']} after"
    more = {name: (quiet.get(name, 0), count) for name, count in names.items() if count > quiet.get(name, 0)}
    return f"processes (before, after): {more}" if more else None


# ---- idle ------------------------------------------------------------------------------------------------------------

def idle(client, options, directory):
    pod = Pod(client, directory)
    work = pod.start(["sleep", "1000000"])
    printer = pod.start(["sh", "-c", "while :; do sleep 1; echo; done"])
    pod.start(["/streamload", "serve"], mounts=[{"host_path": STREAMLOAD, "container_path": "/streamload", "readonly": True}])
    wait_for_echo(pod)
    rows = []
    for kind, target in (("exec", work), ("attach", printer), ("forward", pod.id)):
        for transport in ("spdy", "websocket"):
            rows.append([f"{kind}, {transport}"] + idle_cost(client, options.idle, kind, transport, target))
    pod.remove()
    table(f"one of {options.idle} idle streams", ["live heap of rktlet, bytes", "PSS of rktlet, kB", "processes",
                                                  "PSS of the processes, kB"], rows)


def idle_cost(client, count, kind, transport, target):
    wait_until(lambda: streams_left(client))
    before, pss_before = resources(client)["heapBytes"], pss(daemon())
    with subprocess.Popen([STREAMLOAD, "idle", f"--kind={kind}", f"--transport={transport}", f"--id={target}",
                           f"--port={ECHO}", f"--count={count}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
        if held.stdout.readline() != "ready\n":
            sys.exit(f"streams: idle {kind} over {transport} did not come about")
        time.sleep(1)
        heap, memory = resources(client)["heapBytes"] - before, pss(daemon()) - pss_before
        beside = [pss(pid) for pid in processes(("rkt", "crun"))]
        held.stdin.close()
    wait_until(lambda: streams_left(client))
    return [f"{heap / count:,.0f}", f"{memory / count:,.1f}", f"{len(beside) / count:.1f}", f"{sum(beside) / count:,.0f}"]


# ---- execs -----------------------------------------------------------------------------------------------------------

def execs(client, options, directory):
    pod = Pod(client, directory)
    work = pod.start(["sleep", "1000000"])
    request = {"container_id": work, "cmd": ["true"]}
    message = client.prepare("ExecSync", request)
    times = []
    for _ in range(options.calls):
        started = time.perf_counter()
        answer = client.send("ExecSync", message)
        times.append((time.perf_counter() - started) * 1000)
        assert answer.exit_code == 0, answer
    done = many_clients(request, options.seconds)
    calls, _ = bus_calls(lambda: client.send("ExecSync", message), 20)
    pod.remove()
    table(f"ExecSync, {options.calls} calls", ["value"], [
        ["median, ms", f"{statistics.median(times):.1f}"],
        ["99th percentile, ms", f"{statistics.quantiles(times, n=100)[98]:.1f}"],
        ["calls a second, 8 clients", f"{done / options.seconds:.0f}"],
        ["method calls to systemd over D-Bus, each", f"{calls:.1f}"]])
    if calls:
        sys.exit(f"streams: {calls} D-Bus calls for each ExecSync")


def many_clients(request, seconds):
    counts = []
    end = time.monotonic() + seconds

    def run():
        client, count = Client(), 0
        message = client.prepare("ExecSync", request)
        while time.monotonic() < end:
            assert client.send("ExecSync", message).exit_code == 0
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) != len(threads):
        sys.exit("streams: a client of ExecSync failed")
    return sum(counts)


PARTS = {"copies": copies, "crowd": crowd, "idle": idle, "execs": execs}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few seconds of each, for a quick look and end-to-end tests")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--bytes", type=int, default=1 << 30)
    parser.add_argument("--execs", type=int, default=200)
    parser.add_argument("--forwards", type=int, default=200)
    parser.add_argument("--attaches", type=int, default=50)
    parser.add_argument("--idle", type=int, default=100)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    if options.short:
        options.bytes, options.execs, options.forwards, options.attaches = 16 << 20, 32, 40, 16
        options.idle, options.calls, options.seconds = 10, 20, 2
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"streams: there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    client = Client()
    client.call("PullImage", {"image": {"image": IMAGE}})
    for name in chosen:
        directory = tempfile.mkdtemp(prefix="streams-", dir="/var/tmp")
        try:
            PARTS[name](client, options, directory)
        finally:
            shutil.rmtree(directory)


if __name__ == "__main__":
    main()
