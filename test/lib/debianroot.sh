# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian roots to build and install in: what a machine of another release, or a new one, would have. Needs common.sh.

# new_debian_root DIRECTORY PACKAGE,…: a new root of DEBIAN_RELEASE with nothing in it but apt and the packages.
new_debian_root() {
  need_packages mmdebstrap debian-archive-keyring
  mmdebstrap --quiet --mode=root --variant=minbase --include="$2" "$DEBIAN_RELEASE" "$1"
  # The network is this machine's: its name servers, and the authorities that its administrator trusts.
  cp /etc/resolv.conf "$1/etc/resolv.conf"
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null && [[ -d $1/usr/local/share/ca-certificates ]]; then
    cp /usr/local/share/ca-certificates/*.crt "$1/usr/local/share/ca-certificates/"
    quiet in_root "$1" update-ca-certificates
  fi
}

# in_root DIRECTORY SCRIPT [SOURCE:TARGET…]: in a mount and pid namespace of its own, with the directory as root (not by
# chroot: who is in a chroot cannot make a box), and with what lies at SOURCE on this machine to be found at TARGET.
in_root() {
  # shellcheck disable=SC2016 # what stands in the inner shell's quotes is the inner shell's
  unshare --mount --pid --fork --kill-child --propagation private bash -e -c '
    mount --bind "$1" "$1"
    cd "$1"
    mount -t proc proc proc
    mount -t tmpfs tmpfs tmp
    # The static nodes of a new root are its own; terminals and shared memory are as well.
    mount -t devpts devpts dev/pts -o newinstance,ptmxmode=666,mode=620,gid=5
    ln -sf pts/ptmx dev/ptmx
    mount -t tmpfs tmpfs dev/shm -o mode=1777
    mount --rbind /sys sys
    for bind in "${@:3}"; do
      mkdir -p ".${bind#*:}"
      mount --bind "${bind%%:*}" ".${bind#*:}"
    done
    pivot_root . .
    umount -l .
    cd /
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive bash -e -c "$2"
    ' - "$@" </dev/null
}

# Prints the address of the Debian archive that this machine's apt uses.
debian_archive() {
  local archive
  apt_get update
  # shellcheck disable=SC2016 # apt's own variables
  archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Label: Debian' | sed -n 1p)
  [[ $archive ]] || die "this machine's apt knows no Debian archive"
  echo "$archive"
}

# release_apt DIRECTORY TYPE RELEASE SUBCOMMAND ARGUMENT…: apt-get with a state of its own in DIRECTORY, which knows the packages
# (TYPE deb) or sources (deb-src) of that release only; this machine's own lists stay as they are.
release_apt() {
  local directory=$1 type=$2 release=$3
  shift 3
  if [[ ! -e $directory/sources.list ]]; then
    mkdir -p "$directory"/{cache/archives,lists}/partial
    : >"$directory/status"
    echo "$type $(debian_archive) $release main" >"$directory/sources.list"
  fi
  local apt=(apt-get -q -o "Dir::Etc::sourcelist=$directory/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$directory/lists" -o "Dir::State::status=$directory/status" -o "Dir::Cache=$directory/cache"
    -o APT::Sandbox::User=root)
  if [[ ! -e $directory/updated ]]; then
    quiet "${apt[@]}" update
    : >"$directory/updated"
  fi
  "${apt[@]}" "$@"
}

# quiet COMMAND…: says nothing unless it fails.
quiet() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  ((status == 0)) || tail -n 60 "$log" >&2
  rm -f "$log"
  return "$status"
}
