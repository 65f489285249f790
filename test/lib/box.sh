# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Boxes: a real systemd as PID 1 in namespaces of its own, for machines that have none (see box-init). Several may run at
# once; each has a directory BOXES_DIR/NAME with its state and ends by the death of its own PID 1.
# Needs common.sh and boxroot.sh.

BOXES_DIR=${RKTLET_BOXES:-$CACHE_DIR/boxes}
BOX_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# The pid of a box's systemd if it runs. The start time guards against a number that was given to somebody else.
box_pid() {
  local pid started
  local -a stat
  read -r pid started 2>/dev/null <"$BOXES_DIR/$1/pid" || return 1
  # What follows the command's name, which may contain anything: the state first, the start time as the 20th.
  read -r -a stat < <(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) || return 1
  [[ ${stat[0]} != Z && ${stat[19]} == "$started" ]] || return 1
  echo "$pid"
}

box_need() { box_pid "$1" || die "no box '$1' is up (start it with: test/box up --name=$1)"; }

# box_up NAME: a clean box. One that was left behind by a crash is cleaned first.
box_up() {
  local name=$1 state=$BOXES_DIR/$1
  [[ $name =~ ^[a-z0-9][a-z0-9-]*$ ]] || die "a box's name is made of a-z, 0-9 and -: '$name'"
  need_root
  if box_pid "$name" >/dev/null; then
    [[ $(cat "$state/release") == "$DEBIAN_RELEASE" ]] || die "box '$name' is up with another release: $(cat "$state/release")"
    note "box '$name' is up already"
    return
  fi
  need_packages util-linux iproute2 mount
  local root
  root=$(box_root)/root
  box_clean "$name"
  mkdir -p "$state"
  # Where the cache lies on an overlay (a container), only a tmpfs can carry the upper directory.
  case $(stat -f -c %T "$state") in
    overlayfs | fuseblk) mount -t tmpfs box "$state" -o mode=755 ;;
  esac
  mkdir -p "$state"/{upper,work,merged}
  cp -a "$root/var/lib" "$state/varlib"
  echo "$root" >"$state/lower"
  echo "$DEBIAN_RELEASE" >"$state/release"
  box_boot "$name"
}

# Boots a box whose directories exist: the first time, or again after box_shutdown.
box_boot() {
  local name=$1 state=$BOXES_DIR/$1
  rm -f "$state/pid" "$state/pid.new"
  box_cgroups_make "$name"
  # setsid and the closed stdio: the box outlives this command. The subshell enters the box's cgroup, and its cgroup
  # namespace starts there.
  (
    while read -r directory; do echo "$BASHPID" >"$directory/cgroup.procs"; done <"$state/cgroups"
    [[ -z ${BOX_LOCK_FD:-} ]] || exec {BOX_LOCK_FD}>&-
    # A container manager lets a box keep the limits of the caller; systemd wants more files than a shell has.
    ulimit -n "$(ulimit -H -n)" 2>/dev/null || true
    exec setsid unshare --pid --fork --mount --uts --ipc --cgroup --net --propagation private \
      "$TEST_DIR/lib/box-init" "$state" "$(cat "$state/lower")" "$name" </dev/null >"$state/console.log" 2>&1
  ) &
  disown
  if ! wait_for 30 test -s "$state/pid.new"; then
    cat "$state/console.log" >&2
    die "box '$name' did not start"
  fi
  mv "$state/pid.new" "$state/pid"
  if ! wait_for 60 box_has_booted "$name" || ! box_pid "$name" >/dev/null; then
    cat "$state/console.log" >&2
    if box_pid "$name" >/dev/null; then box_exec "$name" systemctl list-jobs >&2 || true; fi
    die "box '$name' did not finish booting"
  fi
  local failed
  failed=$(box_exec "$name" systemctl list-units --failed --no-legend --plain)
  [[ -z $failed ]] || die "box '$name' has failed units: $failed"
}

# True as well when the box is dead: there is nothing more to wait for.
box_has_booted() {
  local state
  box_pid "$1" >/dev/null || return 0
  state=$(box_exec "$1" systemctl is-system-running 2>/dev/null) || true
  [[ $state == running || $state == degraded ]]
}

# box_exec NAME COMMAND…: runs a command in all namespaces of the box, in a cgroup that belongs to the box. Its status is
# the command's, stdio is inherited; of the environment only TERM and what BOX_ENV names (K=V …) goes in.
box_exec() {
  local name=$1 pid directory
  shift
  pid=$(box_need "$name") || exit 1
  (
    # systemd removes empty cgroups that it does not know when it boots, so this one is made where it is needed.
    while read -r directory; do
      mkdir -p "$directory/box-exec"
      echo "$BASHPID" >"$directory/box-exec/cgroup.procs"
    done <"$BOXES_DIR/$name/cgroups"
    exec nsenter --target "$pid" --all --root --wd=/ env -i -C /root PATH="$BOX_PATH" HOME=/root LANG=C.UTF-8 \
      TERM="${TERM:-dumb}" ${BOX_ENV[@]+"${BOX_ENV[@]}"} "$@"
  )
}

# box_push NAME SOURCE… DIRECTORY: copies files or trees into a directory of the box.
box_push() {
  local name=$1 pid target=${!#}
  pid=$(box_need "$name") || exit 1
  box_exec "$name" mkdir -p "$target"
  # tar, not cp through /proc/PID/root: a link inside the box must not lead back out to the machine.
  local source
  for source in "${@:2:$#-2}"; do
    tar -C "$(dirname "$source")" -cf - "$(basename "$source")" |
      box_exec "$name" tar -C "$target" --no-same-owner -xf -
  done
}

# box_pull NAME FILE DIRECTORY: copies a file or tree of the box to a directory of the machine.
box_pull() {
  mkdir -p "$3"
  box_exec "$1" tar -C "$(dirname "$2")" -cf - "$(basename "$2")" | tar -C "$3" --no-same-owner -xf -
}

# box_install NAME DEB…: installs local packages with apt; everything they depend on is in the box already. Says nothing
# unless it fails, or BOX_VERBOSE is set.
box_install() {
  local name=$1 deb staging=/var/tmp/debs names=() log
  shift
  box_exec "$name" rm -rf "$staging"
  box_push "$name" "$@" "$staging"
  for deb in "$@"; do names+=("$staging/$(basename "$deb")"); done
  log=$(mktemp)
  if ! box_exec "$name" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    --allow-downgrades --reinstall -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef \
    "${names[@]}" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    die "box '$name': installing failed"
  fi
  [[ -z ${BOX_VERBOSE:-} ]] || cat "$log"
  rm -f "$log"
  box_exec "$name" rm -rf "$staging"
}

# box_shutdown NAME: an orderly poweroff, as on a machine; the files stay for box_boot.
box_shutdown() {
  local name=$1
  box_pid "$name" >/dev/null || return 0
  box_exec "$name" systemctl --no-block poweroff 2>/dev/null || true
  wait_for 120 box_is_gone "$name" || die "box '$name' did not shut down"
  box_cgroups_remove "$name"
}

box_is_gone() { ! box_pid "$1" >/dev/null; }

# box_down NAME: ends the box at once and removes everything of it.
box_down() {
  local name=$1 pid
  if pid=$(box_pid "$name"); then
    kill -KILL "$pid"
    # The kernel ends every process of the pid namespace before its first one is gone.
    wait_for 60 box_is_gone "$name" || die "box '$name' does not end"
  fi
  box_clean "$name"
}

box_clean() {
  local state=$BOXES_DIR/$1
  [[ -d $state ]] || return 0
  box_cgroups_remove "$1"
  if mountpoint -q "$state"; then umount "$state"; fi
  rm -rf --one-file-system "$state"
}

# Makes the box's cgroup in every hierarchy of the machine and lists them in $state/cgroups; $state/hierarchies tells
# box-init what to mount.
box_cgroups_make() {
  local state=$BOXES_DIR/$1 cgroup=rktlet-box-$1-$$ mount type options directory
  : >"$state/cgroups"
  : >"$state/hierarchies"
  while read -r mount type options; do
    directory=$mount/$cgroup
    if [[ $type == cgroup2 && $mount == /sys/fs/cgroup ]]; then box_cgroup2_controllers "$mount"; fi
    mkdir -p "$directory"
    if [[ -e $directory/cgroup.clone_children ]] && [[ -e $directory/cpuset.cpus ]]; then
      cat "$mount/cpuset.cpus" >"$directory/cpuset.cpus"
      cat "$mount/cpuset.mems" >"$directory/cpuset.mems"
      echo 1 >"$directory/cgroup.clone_children"
    fi
    echo "$directory" >>"$state/cgroups"
    echo "$(basename "$mount") $type $options" >>"$state/hierarchies"
  done < <(box_machine_hierarchies)
  [[ -s $state/cgroups ]] || die "no cgroup hierarchy is mounted under /sys/fs/cgroup"
}

# One line for each hierarchy of the machine: mount point, type, and on v1 the mount options that select it.
box_machine_hierarchies() {
  awk '{
    for (i = 7; $i != "-"; i++);
    if ($5 !~ "^/sys/fs/cgroup(/|$)") next
    if ($(i + 1) == "cgroup2") print $5, "cgroup2"
    if ($(i + 1) != "cgroup") next
    n = split($(i + 3), all, ","); chosen = ""
    for (k = 1; k <= n; k++) {
      if (all[k] ~ /^(rw|ro|xattr|clone_children|noprefix|release_agent=.*)$/) continue
      chosen = chosen (chosen == "" ? "" : ",") all[k]
    }
    if (chosen ~ /^name=/) chosen = "none," chosen
    print $5, "cgroup", chosen
  }' /proc/self/mountinfo
}

# On v2 a box needs the controllers enabled one level above. Inside a container the cgroup at the mount point holds
# processes, and the kernel refuses that until they moved to a leaf.
box_cgroup2_controllers() {
  local mount=$1 controller controllers
  read -r -a controllers <"$mount/cgroup.controllers"
  for controller in "${controllers[@]}"; do
    echo "+$controller" >"$mount/cgroup.subtree_control" 2>/dev/null || true
  done
  [[ $(cat "$mount/cgroup.subtree_control") != "$(cat "$mount/cgroup.controllers")" ]] || return 0
  [[ -e $mount/cgroup.type ]] || return 0
  mkdir -p "$mount/init"
  while read -r pid; do echo "$pid" >"$mount/init/cgroup.procs" 2>/dev/null || true; done <"$mount/cgroup.procs"
  for controller in "${controllers[@]}"; do
    echo "+$controller" >"$mount/cgroup.subtree_control" 2>/dev/null || warn "no cgroup controller $controller"
  done
}

box_cgroups_remove() {
  local directory file=$BOXES_DIR/$1/cgroups
  [[ -e $file ]] || return 0
  while read -r directory; do
    [[ -d $directory ]] || continue
    # The last exiting processes leave their cgroups a moment after the box's PID 1 was reaped.
    wait_for 10 box_cgroup_remove "$directory" || warn "cannot remove $directory"
  done <"$file"
  rm -f "$file"
}

box_cgroup_remove() {
  find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
  [[ ! -d $1 ]]
}
