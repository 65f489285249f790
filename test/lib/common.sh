# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every script under test/ starts with: strict mode, messages, Debian packages on demand, and a cache outside the
# checkout. Source it first; it sets TEST_DIR, REPO_DIR and CACHE_DIR and changes nothing else.

set -euo pipefail
shopt -s inherit_errexit

TEST_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPO_DIR=$(dirname "$TEST_DIR")
CACHE_DIR=${RKTLET_CACHE:-${HOME:-/root}/.cache/rktlet}
export TEST_DIR REPO_DIR CACHE_DIR

# The Debian whose packages are built, and that boxes and virtual machines are made of.
DEBIAN_RELEASE=bookworm
export DEBIAN_RELEASE

say() { printf '==> %s\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# use_release NAME: what a command's --release= says.
use_release() {
  case $1 in
    bookworm | trixie) DEBIAN_RELEASE=$1 ;;
    *) die "unknown release '$1': bookworm (Debian 12) or trixie (Debian 13)" ;;
  esac
}

# The release of this machine, as its code name.
machine_release() { (. /etc/os-release && echo "${VERSION_CODENAME:-unknown}"); }

need_root() { [[ $(id -u) == 0 ]] || die "must run as root"; }

# need_packages PKG…: installs what is missing. A fresh machine has no package lists yet, so they are fetched first.
need_packages() {
  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  need_root
  say "installing Debian packages: ${missing[*]}"
  apt_get update
  apt_get install -y --no-install-recommends "${missing[@]}"
}

# apt-get, quiet unless it fails. Several stages may want it at once: they wait for each other, since apt-get itself waits for
# the package database and not for the package lists.
apt_get() {
  local log
  log=$(mktemp)
  mkdir -p "$CACHE_DIR"
  if ! DEBIAN_FRONTEND=noninteractive flock "$CACHE_DIR/apt.lock" apt-get -q -o DPkg::Lock::Timeout=900 "$@" \
    >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    die "apt-get $1 failed"
  fi
  rm -f "$log"
}

# hash_of WORD…: a short key for the cache.
hash_of() { printf '%s\n' "$@" | sha256sum | cut -c1-16; }

# hash_of_files PATH…: the same over the names and contents of files and trees. A file of the checkout is called what it is called
# there, so that two checkouts share what was made of the same files.
hash_of_files() {
  find "$@" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sed "s|  $REPO_DIR/|  |" | sha256sum | cut -c1-16
}

# cached KIND KEY BUILDER [ARG…]: prints the path of the cached thing KIND/KEY and, when it does not exist yet, calls
# `BUILDER PATH ARG…` to make it at a temporary PATH (a directory that exists). One builder at a time per thing; a
# builder that fails leaves nothing that a later run could take for a result.
cached() {
  local kind=$1 key=$2 builder=$3
  shift 3
  local target=$CACHE_DIR/$kind/$key
  if [[ ! -e $target ]]; then
    mkdir -p "$CACHE_DIR/$kind"
    (
      exec {lock}>"$target.lock"
      flock "$lock"
      [[ ! -e $target ]] || exit 0
      building=$target.building
      rm -rf "$building"
      mkdir -p "$building"
      # A shell of its own: `set -e` does not hold in a function that runs under `||` or `if`, and a builder must stop at
      # its first failure. The lock stays ours: a daemon that the builder leaves behind must not inherit it.
      bash -euo pipefail -O inherit_errexit -c "$(declare -f)"$'\n"$@"' "$0" "$builder" "$building" "$@" \
        {lock}>&- 1>&2 || exit 1
      mv "$building" "$target"
      # What no run has asked for in a month was made from files that are gone.
      find "$CACHE_DIR/$kind" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf --one-file-system {} + 1>&2
    ) || die "could not build $kind/$key"
  fi
  touch "$target" "$target.lock"
  printf '%s\n' "$target"
}

# stage NAME COMMAND…: runs a stage, says how long it took, and passes its status on.
stage() {
  local name=$1 started status=0
  shift
  started=$(date +%s.%N)
  say "$name"
  "$@" || status=$?
  if ((status == 0)); then
    printf '<== %s: %s s\n' "$name" "$(seconds_since "$started")" >&2
  else
    printf '<== %s: FAILED (%s) after %s s\n' "$name" "$status" "$(seconds_since "$started")" >&2
  fi
  return "$status"
}

seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }

# wait_for SECONDS COMMAND…: repeats a cheap command until it succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}
