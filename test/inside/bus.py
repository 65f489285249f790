#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: bus.py COMMAND…: runs it and prints which methods of systemd were called over the system bus meanwhile, by whom
ever: "StartTransientUnit 1, StopUnit 2", or nothing."""

import collections
import json
import subprocess
import sys
import threading


def mark_bus(member):
    """A call to systemd that nobody else makes."""
    subprocess.run(["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Peer",
                    member], check=True, stdout=subprocess.DEVNULL)


def calls_until(monitor, member):
    """The members of the calls to systemd that the monitor shows before the marking one."""
    for line in monitor.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if message.get("type") == "method_call" and str(message.get("path", "")).startswith("/org/freedesktop/systemd1"):
            if message["member"] == member:
                return
            yield message["member"]
    raise RuntimeError("busctl monitor ended")


def bus_calls(action, count):
    """Method calls to systemd over the system bus per action."""
    with subprocess.Popen(["stdbuf", "-oL", "busctl", "monitor", "--system", "--json=short", "--match=type='method_call'"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as monitor:
        listening = threading.Event()

        def mark():
            while not listening.wait(0.1):
                mark_bus("Ping")

        marker = threading.Thread(target=mark)
        marker.start()
        list(calls_until(monitor, "Ping"))
        listening.set()
        marker.join()
        for _ in range(count):
            action()
        mark_bus("GetMachineId")
        calls = collections.Counter(member for member in calls_until(monitor, "GetMachineId") if member != "Ping")
        monitor.terminate()
    return sum(calls.values()) / count, ", ".join(f"{name} {number}" for name, number in sorted(calls.items()))


def main():
    _, calls = bus_calls(lambda: subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL), 1)
    print(calls)


if __name__ == "__main__":
    main()
