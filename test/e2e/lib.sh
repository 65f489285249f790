# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What end-to-end tests are written with. A test file sources this, defines functions test_…, and ends with
# `run_tests`; each function runs in a shell of its own under `set -e`, and every pod it made is removed after it.
# Runs inside a box, a VM or a host with the packages installed; talks to the socket in CRI_SOCKET.

set -euo pipefail
shopt -s inherit_errexit

CRI_SOCKET=${CRI_SOCKET:-/run/rktlet/rktlet.sock}
CRI_SERVICE=${CRI_SERVICE:-rktlet}     # the unit behind the socket
SLOW=${E2E_SLOW:-1}                    # what deadlines are multiplied by on an emulated machine
INSIDE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$INSIDE/bin:$PATH
BUSYBOX=registry.k8s.io/e2e-test-images/busybox:1.29-2
RKT_STATE=/var/lib/rkt
RKT_RUN=/run/rkt
export CRI_SOCKET PATH CRI_DESCRIPTORS=$INSIDE/bin/cri.pb PYTHONDONTWRITEBYTECODE=1
export CONTAINER_RUNTIME_ENDPOINT=unix://$CRI_SOCKET IMAGE_SERVICE_ENDPOINT=unix://$CRI_SOCKET

# ---- checks ----------------------------------------------------------------------------------------------------------

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# assert_eq WANT GOT [WHAT]
assert_eq() { [[ $1 == "$2" ]] || fail "${3:-value}: want '$1', got '$2'"; }

# assert_match REGEX TEXT [WHAT]
assert_match() { [[ $2 =~ $1 ]] || fail "${3:-text}: '$2' does not match '$1'"; }

# assert_fails COMMAND…: the command must fail; what it said is in ERROR afterwards.
assert_fails() {
  if ERROR=$("$@" 2>&1); then fail "succeeded, but should not have: $*: $ERROR"; fi
}

# wait_until SECONDS COMMAND…: repeats a check until it holds.
wait_until() {
  local deadline=$((SECONDS + $1 * SLOW))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "did not come true in time: $*"
    sleep 0.05
  done
}

now_ms() { date +%s%3N; }

# ---- pods and containers ---------------------------------------------------------------------------------------------

crictl() { command crictl --timeout=$((120 * SLOW))s "$@"; }

# cri RPC [JSON]: any request, also one that crictl would not send.
cri() { "$INSIDE/test/inside/cri" --timeout=$((120 * SLOW)) "$@"; }

# pod_config NAME [JQ]: a pod sandbox's configuration; JQ edits it. Host network unless edited: it is the quickest.
# shellcheck disable=SC2034 # used by tests
BRIDGE='.linux.security_context.namespace_options.network = 0'
pod_config() {
  jq -n --arg name "$1" --arg test "$TEST" "{
    metadata: {name: \$name, uid: (\$name + \"-uid\"), namespace: \"e2e\", attempt: 0},
    labels: {suite: \"e2e\", test: \$test}, log_directory: (\"$WORK/logs/\" + \$name),
    linux: {cgroup_parent: \"${E2E_CGROUP_PARENT:-}\", security_context: {namespace_options: {network: 2}}}
  } | ${2:-.}"
}

# What follows may be called where `set -e` has no effect (under assert_fails), so each step hands its failure on.

# run_pod NAME [JQ]: prints the pod's id. With RUNTIME_HANDLER under that.
run_pod() {
  local id
  pod_config "$@" >"$WORK/$1.pod.json"
  mkdir -p "$WORK/logs/$1"
  id=$(crictl runp ${RUNTIME_HANDLER:+"--runtime=$RUNTIME_HANDLER"} "$WORK/$1.pod.json") || return
  ln -sf "$1.pod.json" "$WORK/$id.json"
  echo "$id"
}

# container_config NAME SCRIPT [JQ]
container_config() {
  jq -n --arg name "$1" --arg script "$2" "{
    metadata: {name: \$name}, image: {image: \"$BUSYBOX\"}, command: [\"sh\", \"-c\", \$script],
    labels: {suite: \"e2e\"}, log_path: (\$name + \".log\"), linux: {}
  } | ${3:-.}"
}

# create_container POD NAME SCRIPT [JQ]: prints the container's id.
create_container() {
  local pod=$1 file
  shift
  file=$(mktemp "$WORK/container.XXXXXX")
  container_config "$@" >"$file"
  crictl create --no-pull "$pod" "$file" "$WORK/$pod.json"
}

# create_by_cri POD NAME SCRIPT [JQ]: as create_container, also with fields that this version of crictl does not know.
create_by_cri() {
  cri CreateContainer "$(jq -n --arg pod "$1" --argjson config "$(container_config "${@:2}")" --argjson sandbox "$(cat "$WORK/$1.json")" \
    '{pod_sandbox_id: $pod, config: $config, sandbox_config: $sandbox}')" | jq -r .container_id
}

# start_container POD NAME SCRIPT [JQ]: creates and starts; prints the id.
start_container() {
  local id
  id=$(create_container "$@") || return
  crictl start "$id" >/dev/null || return
  echo "$id"
}

# start_trapping POD NAME TRAPS [JQ]: a container that sets its traps and runs until one ends it; returns once they are set.
start_trapping() {
  local id
  id=$(start_container "$1" "$2" "$3; : >/tmp/ready; while :; do sleep 0.1; done" "${@:4}") || return
  wait_until 20 in_container "$id" test -e /tmp/ready || return
  echo "$id"
}

# run_to_end POD NAME SCRIPT [JQ]: starts and waits for the end; prints the id.
run_to_end() {
  local id
  id=$(start_container "$@") || return
  wait_until 60 has_exited "$id"
  echo "$id"
}

# output_of POD NAME SCRIPT [JQ]: what the container printed to stdout and stderr.
output_of() {
  local id
  id=$(run_to_end "$@") || return
  crictl logs "$id" 2>&1
}

# status ID [JQ]: the container's status.
status() { crictl inspect -o json "$1" | jq -r ".status | ${2:-.}"; }
pod_status() { crictl inspectp -o json "$1" | jq -r ".status | ${2:-.}"; }
state_is() { [[ $(status "$1" .state) == "CONTAINER_$2" ]]; }
has_exited() { state_is "$1" EXITED; }
exit_code() { status "$1" .exitCode; }
pod_is_ready() { [[ $(pod_status "$1" .state) == SANDBOX_READY ]]; }
pod_is_not_ready() { ! pod_is_ready "$1"; }

# in_container ID COMMAND…: ExecSync; stdout is the command's, the status too.
in_container() {
  local id=$1
  shift
  crictl exec --sync "$id" "$@"
}

# unit_of ID: the unit of a pod or container; units end in a short id.
unit_of() {
  local unit
  unit=$(systemctl list-units --all --plain --no-legend "k8s-*-${1:0:8}*.service" | awk '{ print $1 }')
  [[ $unit && $unit != *$'\n'* ]] || fail "want one unit of $1, got '$unit'"
  echo "$unit"
}

# property UNIT NAME: a unit property as systemctl shows it.
property() { systemctl show -P "$2" "$1"; }

main_pid() { property "$(unit_of "$1")" MainPID; }

# remove_pods: every pod that a test has made.
remove_pods() {
  local pods
  pods=$(crictl pods -q --label suite=e2e)
  # shellcheck disable=SC2086
  [[ -z $pods ]] || crictl rmp -f $pods >/dev/null
}

need_image() { [[ $(crictl images -q "$1") ]] || crictl pull "$1" >/dev/null; }

# make_image NAME TAG [INDEX] <<PYTHON: puts an image into the local registry as registry.test/NAME:TAG. The Python code
# on stdin has ociimage's names and sets `image`; shell() is a layer with /bin/sh.
make_image() {
  local code
  code=$(cat)
  python3 - "$INSIDE" "$1" "$2" "$code" <<'PYTHON'
import sys, tarfile
inside, name, tag, code = sys.argv[1:5]
sys.path.insert(0, inside + "/test/images")
from ociimage import *

def shell():
    with open("/bin/busybox", "rb") as file:
        layer = Layer().directory("bin").directory("tmp", mode=0o1777).directory("etc") \
            .directory("proc").directory("dev").directory("sys").file("bin/busybox", file.read(), mode=0o755)
    for applet in "sh cat ls stat sleep echo id wc find readlink test".split():
        layer.hardlink("bin/" + applet, "bin/busybox", mode=0o755)
    return layer

exec(code)
RegistryStorage(inside + "/images/registry").add(name, [tag], image)
PYTHON
}

# image_files: what the image store holds.
image_files() { find "$RKT_STATE" -path "$RKT_STATE/pods" -prune -o -type f -print -o -type d -print | sort; }

reloads() { journalctl -q -b -o cat --no-pager -u "$CRI_SERVICE" | grep -c -x 'Configuration reloaded' || true; }
more_reloads_than() { (($(reloads) > $1)); }
daemon_is_active() { [[ $(property "$CRI_SERVICE.service" ActiveState) == active ]]; }  # neither reloading nor starting

# reload_daemon: systemctl only sends a signal; this returns when the configuration was taken.
reload_daemon() {
  local before pid
  pid=$(property "$CRI_SERVICE.service" MainPID)
  before=$(reloads)
  systemctl reload "$CRI_SERVICE"
  wait_until 20 more_reloads_than "$before"
  wait_until 20 daemon_is_active
  assert_eq "$pid" "$(property "$CRI_SERVICE.service" MainPID)" "pid after a reload"
}

# configure: the text on stdin is part of rktlet's configuration from its next start or reload on, until the test ends.
CONFIGURATION=/etc/rktlet/rktlet.yaml.d/e2e.yaml
configure() {
  mkdir -p "$(dirname "$CONFIGURATION")"
  cat >"$CONFIGURATION"
}
unconfigure() {
  [[ -e $CONFIGURATION ]] || return 0
  rm -f "$CONFIGURATION"
  restart_daemon   # some keys take one
}

# restart_daemon: as after an upgrade; the socket answers when it is back.
restart_daemon() {
  systemctl restart "$CRI_SERVICE"
  wait_until 30 crictl version
}

# kill_daemon: SIGKILL, and wait until systemd has started it again.
kill_daemon() {
  local pid
  pid=$(property "$CRI_SERVICE.service" MainPID)
  kill -KILL "$pid"
  wait_until 30 daemon_is_not "$pid"
  wait_until 30 crictl version
}

daemon_is_not() {
  local pid
  pid=$(property "$CRI_SERVICE.service" MainPID)
  [[ $pid != 0 && $pid != "$1" ]] && daemon_is_active
}

# ---- what may be left behind -----------------------------------------------------------------------------------------

# snapshot FILE: one line for each thing that a pod could leave behind; what is no runtime's does not change.
snapshot() {
  {
    systemctl list-units --all --plain --no-legend 'k8s-*' '*.slice' '*.scope' | awk '{ print "unit", $1 }'
    awk '{ print "mount", $5 }' /proc/1/mountinfo
    lsns -n -o TYPE | sort | uniq -c | awk '$2 ~ /net|ipc|uts|mnt|user/ { print "namespaces", $2, $1 }'
    # systemd's own: on v1 the groups of its slice, when it gets to it, and that of a delegated service's ExecReload=.
    find /sys/fs/cgroup -mindepth 2 -type d ! -path '*/box-exec*' ! -name system.slice ! -name .control -printf 'cgroup %p\n'
    processes
    iptables_rules iptables
    iptables_rules ip6tables
    # The bridge stays when its last pod goes: the plugin's way.
    ip -o link | awk -F': ' '{ sub(/@.*/, "", $2); if ($2 != "rktlet0") print "link", $2 }'
    find /var/lib/cni -type f ! -name 'last_reserved_ip*' ! -name lock -printf 'lease %p\n' 2>/dev/null || true
    # Images are the image tests' matter, compiled filters are kept for the next container that asks for the same, and so
    # is the folder of a runtime that was used once.
    find "$RKT_STATE" "$RKT_RUN" -mindepth 1 \( -path "$RKT_STATE/image*" -prune -o -path "$RKT_STATE/seccomp*" -prune -o \
      ! -name generation ! -path "$RKT_RUN/runc" -printf 'file %p\n' \) 2>/dev/null || true
  } | grep -v -e 'user@\|user-\|session-\|run-user\|test.x2dregistry' | sort >"$1"
}

iptables_rules() {
  local table
  for table in nat filter; do
    "$1" -t "$table" -S 2>/dev/null | sed "s/^/rule $1 $table /" || true
  done
}

# Processes by name, without those of the test itself.
processes() {
  local pid name
  for pid in /proc/[0-9]*; do
    grep -qs box-exec "$pid/cgroup" && continue
    name=$(cat "$pid/comm" 2>/dev/null) || continue
    case $name in kworker* | e2e-* | rktlet | systemd*) continue ;; esac
    echo "process $name"
  done
}

# settles_to FILE: waits until a snapshot equals FILE; tells the difference when it does not.
settles_to() {
  local deadline=$((SECONDS + 20 * SLOW)) current
  current=$(mktemp "$WORK/snapshot.XXXXXX")
  snapshot "$current"
  until cmp -s "$1" "$current"; do
    if ((SECONDS >= deadline)); then
      diff "$1" "$current" | sed -n 1,40p >&2 || true
      fail "something was left behind, or is missing (above: < before, > after)"
    fi
    sleep 0.3
    snapshot "$current"
  done
}

# ---- the frame -------------------------------------------------------------------------------------------------------

# run_tests: runs every function test_… of the file, or those that match E2E_FILTER, and prints one line for each.
run_tests() {
  local file name function failed=0 status started log
  file=$(basename "$0")
  for function in $(selected_tests); do
    name=${function#test_}
    name="$file: ${name//_/ }"
    # shellcheck disable=SC2254 # a pattern is meant
    case $name in *${E2E_FILTER:-}*) ;; *) continue ;; esac
    log=$(mktemp)
    started=$(now_ms)
    status=0
    run_one "$function" "$file" >"$log" 2>&1 || status=$?
    printf '%s %s (%d.%03d s)\n' "$([[ $status == 0 ]] && echo 'ok    ' || echo 'not ok')" "$name" \
      $((($(now_ms) - started) / 1000)) $((($(now_ms) - started) % 1000))
    if ((status)); then
      failed=1
      tail -n 40 "$log" | sed 's/^/       | /'
      journalctl -q --no-pager -o cat -u "$CRI_SERVICE" --since "@$((started / 1000))" | tail -n 15 | sed 's/^/       # /'
    fi
    rm -f "$log"
  done
  return $failed
}

# The functions in the order of the file; with E2E_SMOKE those that have `# smoke` above them.
selected_tests() {
  awk -v smoke="${E2E_SMOKE:-}" '/^test_[a-zA-Z0-9_]+\(\) *\{/ && (smoke == "" || previous == "# smoke") {
      name = $0; sub(/\(.*/, "", name); print name
    }
    { previous = $0 }' "$0"
}

# A process of its own, because `set -e` has no effect in a function that is called under a condition.
run_one() {
  local status=0
  E2E_FUNCTION=$1 E2E_FILE=$2 bash "$0" || status=$?
  return $status
}

# A test file that is started for one function does only that.
if [[ ${E2E_FUNCTION:-} ]]; then
  run_tests() {
    TEST=$E2E_FILE
    WORK=$(mktemp -d "/var/tmp/e2e-XXXXXX")
    trap 'status=$?; set +e; remove_pods; if declare -F clean_up >/dev/null; then clean_up; fi; unconfigure; rm -rf "$WORK"; exit $status' EXIT
    need_image "$BUSYBOX"
    "$E2E_FUNCTION"
  }
fi
