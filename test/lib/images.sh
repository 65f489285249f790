# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The images that tests pull, built from Debian's busybox source and the small programs in test/images/src; what they
# hold is in test/images/compose.py. The result is the same, digest by digest, on every run. Needs common.sh and
# debianroot.sh.

# Prints the directory with registry/ (the storage directory of docker-registry), images.json and layouts.
test_images() {
  # The same in every lane, whatever Debian it is made of.
  local -x DEBIAN_RELEASE=bookworm
  cached images "$(hash_of "$(hash_of_files "$TEST_DIR/images")" "$(declare -f build_images build_busybox configure_busybox)")" \
    build_images
}

build_images() {
  local out=$1 program busybox
  need_packages gcc libc6-dev musl-tools python3
  busybox=$(cached busybox "$(hash_of "$DEBIAN_RELEASE" "$(declare -f build_busybox configure_busybox)")" build_busybox)
  say "building the small programs and composing the images"
  mkdir "$out/bin"
  cp "$busybox"/busybox* "$out/bin/"
  for program in webserver pause nonewprivs; do
    musl-gcc -std=gnu11 -Os -Wall -Wextra -Werror -static -s -o "$out/bin/$program" "$TEST_DIR/images/src/$program.c"
  done
  PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$TEST_DIR/images/compose.py" "$out/bin" "$out"
}

build_busybox() {
  local out=$1 work=$1/work
  need_packages gcc libc6-dev make bzip2 dpkg-dev ca-certificates
  say "building busybox from Debian's source"
  mkdir -p "$work"
  cd "$work" || exit 1
  quiet release_apt "$work/apt" deb-src "$DEBIAN_RELEASE" source --download-only busybox || exit 1
  dpkg-source --no-check -x busybox_*.dsc busybox >/dev/null
  cd busybox || exit 1
  configure_busybox
  # What names the directory is no part of it.
  SOURCE_DATE_EPOCH=1577836800 KCONFIG_NOTIMESTAMP=1 make -j"$(nproc)" EXTRA_CFLAGS="-ffile-prefix-map=$PWD=." \
    busybox >"$work/log" 2>&1 ||
    { tail -n 50 "$work/log"; exit 1; }
  cp busybox "$out/busybox"
  "$out/busybox" --list >"$out/busybox.applets"
  cd "$out" || exit 1
  rm -rf "$work"
}

# Debian's own configuration for a static busybox, with what critest wants otherwise: a shell that runs programs from the
# file system (so that a masked or replaced one is seen), and ipcs, pgrep and the like.
configure_busybox() {
  local option
  cp debian/config/pkg/static .config
  for option in FEATURE_SH_STANDALONE FEATURE_PREFER_APPLETS FEATURE_SH_NOFORK; do
    sed -i "s/^CONFIG_$option=y/# CONFIG_$option is not set/" .config
  done
  for option in IPCS PGREP PIDOF PING BRCTL NETSTAT TOP HOSTNAME ID STATIC; do
    sed -i "s/^# CONFIG_$option is not set/CONFIG_$option=y/" .config
  done
  # Questions about options that these changes uncover get the default.
  KCONFIG_NOTIMESTAMP=1 make oldconfig </dev/null >/dev/null
  grep -q '^CONFIG_IPCS=y' .config
}
