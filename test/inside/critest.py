#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs critest against a runtime of this system, sequentially and without retries, tells what passed, failed and was
skipped, and compares that with the list of expected deviations: one more or one fewer is a failure.

The streaming specs run a second time, over WebSocket instead of SPDY; their names then begin with "[WebSocket]".

Lines of the list are `LANES | skip or fail | full name of the spec | reason`, LANES being `all` or words of which one is
the lane (box), the release (bookworm), or both (box/bookworm); the rest of the specs has to pass.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

DIGEST_IMAGE = "k8s-staging-cri-tools/test-image-digest"
STREAMING = "[k8s.io] Streaming "
WEB_SOCKET = "[WebSocket] "
WEB_SOCKET_OPTIONS = ("--websocket-exec", "--websocket-attach", "--websocket-portforward")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def patched_copy(critest, images, directory):
    """One spec pulls by a digest that only the original image has. The digest is a constant of 64 digits in the binary;
    in a copy it is replaced by that of the local image, and nothing else changes."""
    with open(images, encoding="utf-8") as file:
        digest = next(image["digest"] for image in json.load(file) if image["name"] == DIGEST_IMAGE)
    with open(critest, "rb") as file:
        data = file.read()
    marker = re.compile(rb"gcr\.io/" + DIGEST_IMAGE.replace(".", r"\.").encode() + rb"@sha256:([0-9a-f]{64})")
    found = set(marker.findall(data))
    if len(found) != 1:
        sys.exit(f"critest: expected one digest reference in {critest}, found {len(found)}")
    name = b"gcr.io/" + DIGEST_IMAGE.encode() + b"@"
    path = os.path.join(directory, "critest")
    with open(path, "wb") as file:
        file.write(data.replace(name + b"sha256:" + found.pop(), name + digest.encode()))
    os.chmod(path, 0o755)
    return path


def run(binary, options, directory, focus, more=()):
    report = os.path.join(directory, "report.json")
    if os.path.exists(report):
        os.remove(report)
    command = [binary, f"--runtime-endpoint=unix://{options.socket}", f"--image-endpoint=unix://{options.socket}",
               f"--ginkgo.json-report={report}", "--ginkgo.no-color", f"--ginkgo.timeout={options.timeout}",
               f"--ginkgo.seed={options.seed}", "--ginkgo.flake-attempts=1", "-test.timeout=0"]
    command += more
    command += [f"--ginkgo.focus={pattern}" for pattern in focus]
    command += [f"--ginkgo.skip={pattern}" for pattern in options.skip]
    with open(options.log, "ab") as log:
        # critest's own temporary directories are pod log directories: they have to be writable and short.
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, cwd=directory, check=False,
                                env={**os.environ, "TMPDIR": options.tmpdir}).returncode
    if not os.path.exists(report):
        with open(options.log, encoding="utf-8", errors="replace") as log:
            sys.stderr.write(log.read()[-4000:])
        sys.exit(f"critest: no report (critest's status is {status})")
    with open(report, encoding="utf-8") as file:
        return json.load(file)


def results(report):
    """{spec name: (outcome, reason, seconds, group)}; specs that were filtered out are not in it."""
    found = {}
    for suite in report:
        for spec in suite.get("SpecReports") or []:
            reason = " ".join(spec.get("Failure", {}).get("Message", "").split())
            parents = spec.get("ContainerHierarchyTexts") or [spec["LeafNodeType"]]
            group = parents[0].removeprefix("[k8s.io] ")
            name = " ".join(parents + [spec["LeafNodeText"]])
            if spec["LeafNodeType"] != "It":
                if spec["State"] not in ("passed", "skipped"):
                    found[f"[{spec['LeafNodeType']}] {name}"] = ("fail", reason, spec["RunTime"] / 1e9, group)
                continue
            if spec["State"] == "skipped" and not reason or spec["State"] == "pending":
                continue
            outcome = {"passed": "pass", "skipped": "skip"}.get(spec["State"], "fail")
            found[name] = (outcome, reason, spec["RunTime"] / 1e9, group)
    return found


def run_all(binary, options, directory):
    """The results of both runs."""
    open(options.log, "wb").close()
    found = results(run(binary, options, directory, options.focus))
    # Each pattern of a focus chooses for itself: only without one it can be said beforehand that streams are meant.
    streams = [name for name in found if name.startswith(STREAMING)] if options.focus else [STREAMING]
    if streams:
        again = results(run(binary, options, directory, [re.escape(name) for name in streams], WEB_SOCKET_OPTIONS))
        found.update({WEB_SOCKET + name: (state, reason, seconds, WEB_SOCKET + group)
                      for name, (state, reason, seconds, group) in again.items()})
    return found


def expectations(path, lane, release):
    expected = {}
    here = {"all", lane, release, f"{lane}/{release}"}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            fields = [field.strip() for field in line.split(" | ")]
            if len(fields) != 4 or fields[1] not in ("skip", "fail"):
                sys.exit(f"{path}:{number}: want `LANES | skip or fail | spec | reason`")
            if here.intersection(fields[0].split()):
                expected[fields[2]] = (fields[1], fields[3])
    return expected


def print_table(found):
    for outcome in ("fail", "skip"):
        for name, (state, reason, _, _) in sorted(found.items()):
            if state == outcome:
                print(f"{outcome.upper()}  {name}\n      {reason[:400]}")
    groups = {}
    for state, _, seconds, name in found.values():
        group = groups.setdefault(name, [0, 0, 0, 0.0])
        group[("pass", "fail", "skip").index(state)] += 1
        group[3] += seconds
    print(f"\n{'group':34} passed failed skipped  seconds")
    for name, (passed, failed, skipped, seconds) in sorted(groups.items()):
        print(f"{name[:34]:34} {passed:6} {failed:6} {skipped:7} {seconds:8.1f}")


def deviations(found, expected, complete):
    for name, (state, reason, _, _) in sorted(found.items()):
        wanted = expected.get(name, ("pass", ""))[0]
        if state != wanted:
            yield f"expected {wanted}, got {state}: {name}" + (f"\n      {reason[:600]}" if reason else "")
    if complete:
        for name in sorted(set(expected) - set(found)):
            yield f"expected {expected[name][0]}, but there is no such spec: {name}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--critest", default="/opt/rktlet/bin/critest")
    parser.add_argument("--images", default="/opt/rktlet/images/images.json")
    parser.add_argument("--socket", default="/run/rktlet/rktlet.sock")
    parser.add_argument("--expected", help="list of expected deviations; without it every failure counts")
    parser.add_argument("--lane", default="box")
    parser.add_argument("--release", default="bookworm", help="Debian's, as a code name")
    parser.add_argument("--focus", action="append", default=[])
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--timeout", default="30m")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--log", default="/var/tmp/critest.log")
    parser.add_argument("--tmpdir", default="/tmp")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        binary = patched_copy(options.critest, options.images, directory)
        print(f"critest sha256          {sha256(options.critest)}")
        print(f"with the local digest   {sha256(binary)}", flush=True)
        found = run_all(binary, options, directory)

    print_table(found)
    counts = [sum(1 for state, _, _, _ in found.values() if state == wanted) for wanted in ("pass", "fail", "skip")]
    expected = expectations(options.expected, options.lane, options.release) if options.expected else {}
    complete = not options.focus and not options.skip
    problems = list(deviations(found, expected, complete and bool(options.expected)))
    if not options.expected:
        problems = [problem for problem in problems if ", got fail" in problem]
    print(f"\ncritest: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped of {len(found)} specs; "
          f"{len(problems)} not as expected")
    for problem in problems:
        print("  " + problem)
    if not found:
        sys.exit("critest: no spec ran")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
