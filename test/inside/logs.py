#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: logs.py [--seconds=60] [--containers=20]: containers that print numbered lines as fast as they can, while their
logs are rotated every second, as a kubelet does it, and rktlet is restarted every ten. Fails unless every line stands in
the files exactly once and in order."""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import grpc

from cri import Client
from streams import IMAGE, Pod, table, wait_until

# Looks for its end only now and then: what it does is print. Odd lines go to stdout, even ones to stderr.
WRITER = """i=0
while [ ! -e /control/stop ]; do
  for turn in 0 1 2 3 4 5 6 7 8 9; do for step in 0 1 2 3 4 5 6 7 8 9; do
    i=$((i+1)); echo line $i; i=$((i+1)); echo line $i >&2
  done; done
done
echo end $i"""
LINE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d) (stdout|stderr) F (line|end) (\d+)")


class Writer:
    def __init__(self, pod, control):
        self.id = pod.start(["sh", "-c", WRITER], mounts=[{"host_path": control, "container_path": "/control"}])
        self.path = os.path.join(pod.config["log_directory"], f"c{pod.number}.log")
        self.rotations = 0

    def rotate(self, client):
        self.rotations += 1
        os.rename(self.path, f"{self.path}.{self.rotations:06}")
        # As a kubelet does: what rktlet's end has interrupted is asked again.
        while True:
            try:
                client.call("ReopenContainerLog", {"container_id": self.id})
                return
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE):
                    raise

    def files(self):
        return sorted(glob.glob(self.path + ".*")) + [self.path]

    def check(self):
        """The number of lines; ends the program when one is missing, there twice, or out of order. Between the two
        outputs the order is that of arrival, which two pipes leave open: it is that of each output that counts."""
        last = {b"stdout": -1, b"stderr": 0}
        ended = None
        for path in self.files():
            with open(path, "rb") as file:
                for number, line in enumerate(file, 1):
                    match = LINE.fullmatch(line[:-1]) if line.endswith(b"\n") else None
                    if match is None:
                        sys.exit(f"logs: {path}:{number}: {line!r} is no whole line")
                    stream, word, value = match[1], match[2], int(match[3])
                    if word == b"end":
                        ended = value
                    elif value != last[stream] + 2:
                        sys.exit(f"logs: {path}:{number}: line {value} of {stream.decode()} comes after {last[stream]}")
                    else:
                        last[stream] = value
        if ended is None or last != {b"stdout": ended - 1, b"stderr": ended}:
            sys.exit(f"logs: {self.path}: the last lines are {last}, but {ended} were written")
        return ended


def restart_daemon(stop, every):
    """Until `stop` is set; how often it did so."""
    count = 0
    while not stop.wait(every):
        subprocess.run(["systemctl", "restart", "rktlet.service"], check=True)
        count += 1
    return count


def stress(client, writers, control, seconds):
    """Rotates and restarts for `seconds`, then lets the writers end; how often rktlet was restarted."""
    stop, restarts = threading.Event(), []
    restarter = threading.Thread(target=lambda: restarts.append(restart_daemon(stop, min(10.0, seconds / 3))))
    restarter.start()
    started = time.monotonic()
    try:
        # A machine with more to do than this takes longer for a round: then there are fewer.
        while (passed := time.monotonic() - started) < seconds:
            time.sleep(1 - passed % 1)
            for writer in writers:
                writer.rotate(client)
    finally:
        stop.set()
        restarter.join()
        with open(os.path.join(control, "stop"), "wb"):
            pass

    def still_running():
        running = client.call("ListContainers", {"filter": {"state": {"state": "CONTAINER_RUNNING"}}})["containers"]
        left = {container["id"] for container in running} & {writer.id for writer in writers}
        return f"{len(left)} containers do not end" if left else None

    wait_until(still_running, 120)
    return restarts[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--containers", type=int, default=20)
    options = parser.parse_args()
    client = Client()
    client.call("PullImage", {"image": {"image": IMAGE}})
    directory, control = tempfile.mkdtemp(prefix="logs-", dir="/var/tmp"), tempfile.mkdtemp(dir="/var/tmp")
    try:
        pod = Pod(client, directory)
        writers = [Writer(pod, control) for _ in range(options.containers)]
        restarts = stress(client, writers, control, options.seconds)
        size = sum(os.path.getsize(path) for writer in writers for path in writer.files())
        counts = [writer.check() for writer in writers]
        pod.remove()
        table(f"logs of {options.containers} containers, {options.seconds:.0f} s", ["value"], [
            ["lines, each once and in order", f"{sum(counts):,}"], ["lines of the slowest container", f"{min(counts):,}"],
            ["bytes of the logs", f"{size:,}"], ["rotations", f"{sum(writer.rotations for writer in writers):,}"],
            ["restarts of rktlet", f"{restarts}"]])
    finally:
        shutil.rmtree(directory)
        shutil.rmtree(control)


if __name__ == "__main__":
    main()
