# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Our Debian packages, built from a copy of the tree, so that the checkout stays clean. Needs common.sh.

# Prints a directory with the packages of the tree as it is now, and the test program that needs a real systemd. Warnings are
# errors; the unit tests are left to the sanitizers' builds.
packages_build() { cached packages "$(hash_of "$(source_hash)" "$(declare -f build_packages)")" build_packages; }

# packages_or_build DIR: DIR when it is given, else what packages_build says.
packages_or_build() {
  if [[ ${1:-} ]]; then
    compgen -G "$1/*.deb" >/dev/null || die "no packages in '$1'"
    (cd "$1" && pwd)
  else
    packages_build
  fi
}

# The files that packages are made of: everything that is tracked or new, but neither tests nor ignored files.
source_files() {
  git -C "$REPO_DIR" ls-files --cached --others --exclude-standard -z -- . ':!test' ':!.ci' |
    (cd "$REPO_DIR" && while IFS= read -r -d '' file; do if [[ -e $file ]]; then printf '%s\0' "$file"; fi; done)
}

source_hash() { (cd "$REPO_DIR" && source_files | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16); }

build_packages() {
  local out=$1 work lock
  need_packages dpkg-dev debhelper git ccache
  install_build_dependencies
  say "building the Debian packages"
  # Always at the same place, whichever checkout it comes from: paths are among the compiler's arguments, and ccache finds
  # only what was called the same.
  # shellcheck disable=SC2153 # common.sh sets it
  work=$CACHE_DIR/build/packages
  mkdir -p "$work"
  exec {lock}>"$work/.lock"
  flock "$lock"
  rm -rf "$work/tree" "$work"/*.*deb "$work"/*.changes "$work"/*.buildinfo
  mkdir "$work/tree"
  (cd "$REPO_DIR" && source_files | tar --null -T - -cf -) | tar -C "$work/tree" -xf -
  (
    cd "$work/tree" || exit 1
    # debhelper gives the build a home of its own, and with it a cache that would be thrown away.
    export CCACHE_DIR=${CCACHE_DIR:-$HOME/.cache/ccache} CCACHE_BASEDIR=$work/tree
    export RKTLET_CMAKE_OPTIONS='-DRKTLET_WERROR=ON -DRKTLET_LIVE_TESTS=ON' DEB_BUILD_OPTIONS='nocheck noautodbgsym'
    dpkg-buildpackage -b -us -uc "-j$(nproc)" >"$out/build.log" 2>&1 || {
      grep 'error:' "$out/build.log" | head -n 40
      tail -n 80 "$out/build.log"
      exit 1
    }
    cp obj-*/src/systemd/systemd_live_test "$out/"
  )
  mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out/"
  rm -rf "$work/tree"
}

# Installs what debian/control asks for to build, when it is not there.
install_build_dependencies() {
  (cd "$REPO_DIR" && dpkg-checkbuilddeps >/dev/null 2>&1) && return
  say "installing the build dependencies"
  apt_get update
  (cd "$REPO_DIR" && apt_get build-dep -y --no-install-recommends ./)
}

# Brings the copy of the tree in DIR up to date; what did not change keeps its time, so that a build there goes on from the last
# one, of whichever checkout that was.
mirror_tree() {
  need_packages rsync
  mkdir -p "$1"
  (cd "$REPO_DIR" && git ls-files --cached --others --exclude-standard -z | while IFS= read -r -d '' file; do
    if [[ -e $file ]]; then printf '%s\0' "$file"; fi
  done) >"$1.files"
  rsync --from0 --files-from="$1.files" --archive --checksum --no-times "$REPO_DIR/" "$1/"
  # What the checkout no longer has.
  (cd "$1" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | LC_ALL=C comm -z -23 - <(LC_ALL=C sort -z "$1.files") | xargs -0r rm -f)
}
