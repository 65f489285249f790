# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The root file system that boxes and VMs start from: a minimal Debian with systemd, with everything the rkt and rktlet
# packages depend on, so that `apt install ./rkt_*.deb ./rktlet_*.deb` needs no network inside. Needs common.sh.

# The packages for DEBIAN_RELEASE and BOX_VARIANT, one per line; the list is the cache's key.
box_packages() {
  sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$TEST_DIR/lib/box-packages" |
    awk -v words="[$DEBIAN_RELEASE] [${BOX_VARIANT:-}]" '$2 == "" || index(words, $2) { print $1 }'
}

# box_root [VARIANT]: prints the path of the root, building it when it is not cached. A variant has more packages.
box_root() {
  local -x BOX_VARIANT=${1:-}
  cached roots "$(hash_of "$DEBIAN_RELEASE" "$(box_packages)" "$(declare -f build_box_root)")" build_box_root
}

build_box_root() {
  local root=$1/root packages
  need_packages mmdebstrap
  packages=$(box_packages | paste -sd,)
  say "building the box's root file system ($DEBIAN_RELEASE, $(box_packages | wc -l) packages)"
  mkdir -p "$root"
  mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$DEBIAN_RELEASE" "$root"

  # Tests do not lose power: unpacking without a sync per file is several times faster.
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
  # Man pages of packages under test are wanted; the excludes were for the base only.
  rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap

  # Nothing may wake up by itself during a test, ask for a console, or set the machine's own knobs.
  local unit
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    systemd-tmpfiles-clean.timer e2scrub_reap.service getty.target console-getty.service \
    docker-registry.service systemd-pstore.service systemd-tmpfiles-setup-dev.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  ln -sf /dev/null "$root/etc/sysctl.d/50-pid-max.conf"
  : >"$root/etc/machine-id"
  rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
  printf 'nameserver 127.0.0.1\n' >"$root/etc/resolv.conf"
  printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n' >"$root/etc/hosts"
  mkdir -p "$root/etc/systemd/journald.conf.d"
  printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/box.conf"
}
