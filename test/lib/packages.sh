# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Our Debian packages, built from a copy of the tree, so that the checkout stays clean: on this machine when it is of the
# release that they are for, else in a root of that release. Needs common.sh and debianroot.sh.

# Prints a directory with the packages of the tree as it is now, and the test programs that need a real systemd or the real allocator. Warnings are
# errors; the unit tests are left to the sanitizers' builds.
packages_build() {
  cached packages "$(hash_of "$(source_hash)" "$DEBIAN_RELEASE" "$(declare -f build_packages packages_script)")" build_packages
}

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
  local out=$1 work lock root=''
  need_packages git ccache
  if [[ $DEBIAN_RELEASE == "$(machine_release)" ]]; then
    need_packages dpkg-dev debhelper
    install_build_dependencies
  else
    root=$(build_root)/root
  fi
  say "building the Debian packages ($DEBIAN_RELEASE)"
  # Always at the same place, whichever checkout it comes from: paths are among the compiler's arguments, and ccache finds
  # only what was called the same.
  # shellcheck disable=SC2153 # common.sh sets it
  work=$CACHE_DIR/build/packages
  if [[ $root ]]; then work+=-$DEBIAN_RELEASE; fi
  mkdir -p "$work"
  exec {lock}>"$work/.lock"
  flock "$lock"
  rm -rf "$work/tree" "$work"/*.*deb "$work"/*.changes "$work"/*.buildinfo
  mkdir "$work/tree"
  (cd "$REPO_DIR" && source_files | tar --null -T - -cf -) | tar -C "$work/tree" -xf -
  {
    if [[ $root ]]; then
      # What is thrown away need not be made: debug information.
      in_root "$root" "export DEB_CFLAGS_STRIP=-g DEB_CXXFLAGS_STRIP=-g"$'\n'"$(packages_script /build/tree /ccache)" \
        "$work:/build" "$(build_root_ccache):/ccache"
    else
      bash -e -c "$(packages_script "$work/tree" "${CCACHE_DIR:-$HOME/.cache/ccache}")"
    fi
  } >"$out/build.log" 2>&1 || {
    grep 'error:' "$out/build.log" | sed -n 1,40p
    tail -n 80 "$out/build.log"
    exit 1
  }
  mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out/"
  mv "$work/tree"/obj-*/src/systemd/systemd_live_test "$work/tree"/obj-*/src/rktlet/streaming/streaming_memory_test "$out/"
  rm -rf "$work/tree"
}

# packages_script TREE CCACHE: what builds the packages of TREE. debhelper gives the build a home of its own, and with it a cache
# that would be thrown away.
packages_script() {
  cat <<SCRIPT
cd '$1'
export CCACHE_DIR='$2' CCACHE_BASEDIR='$1'
export RKTLET_CMAKE_OPTIONS='-DRKTLET_WERROR=ON -DRKTLET_LIVE_TESTS=ON' DEB_BUILD_OPTIONS='nocheck noautodbgsym'
dpkg-buildpackage -b -us -uc -j$(nproc)
SCRIPT
}

# Prints the directory whose root/ is a Debian of DEBIAN_RELEASE with what builds and checks our packages.
build_root() {
  cached build-roots "$(hash_of "$DEBIAN_RELEASE" "$(sed -n '/^Build-Depends:/,/^[^ ]/p' "$REPO_DIR/debian/control")" \
    "$(declare -f build_build_root new_debian_root in_root)")" build_build_root
}

build_build_root() {
  say "making a root with the build dependencies ($DEBIAN_RELEASE)"
  mkdir -p "$1/control/debian"
  cp "$REPO_DIR/debian/control" "$1/control/debian/"
  new_debian_root "$1/root" ca-certificates
  quiet in_root "$1/root" 'cd /control && apt-get -q update &&
    apt-get -q -y --no-install-recommends install build-essential ccache lintian &&
    apt-get -q -y --no-install-recommends build-dep ./' "$1/control:/control"
}

# Prints the compiler cache of such roots: their compilers are not this machine's.
build_root_ccache() {
  mkdir -p "$CACHE_DIR/ccache-$DEBIAN_RELEASE"
  echo "$CACHE_DIR/ccache-$DEBIAN_RELEASE"
}

# root_unit_tests: builds the unit tests and runs them in a root of DEBIAN_RELEASE. Like mirror_tree, it goes on from the last build.
root_unit_tests() {
  local work=$CACHE_DIR/build/tests-$DEBIAN_RELEASE lock
  mkdir -p "$work"
  exec {lock}>"$work.lock"
  flock "$lock"
  mirror_tree "$work/source"
  in_root "$(build_root)/root" "export CCACHE_DIR=/ccache CCACHE_BASEDIR=/build/source
    cmake -S /build/source --preset dev -B /build/build -DRKTLET_WERROR=ON
    cmake --build /build/build --parallel $(nproc)
    ctest --test-dir /build/build --output-on-failure --parallel $(nproc) --timeout 300 --no-tests=error" \
    "$work:/build" "$(build_root_ccache):/ccache"
}

root_unit_tests_log() { echo "$CACHE_DIR/build/tests-$DEBIAN_RELEASE/build/Testing/Temporary/LastTest.log"; }

# packages_lintian DIRECTORY: lintian of the release that the packages are for.
packages_lintian() {
  local options='--fail-on error --suppress-tags bad-distribution-in-changes-file'
  if [[ $DEBIAN_RELEASE == "$(machine_release)" ]]; then
    need_packages lintian
    # shellcheck disable=SC2086 # several words
    lintian $options "$1"/*.changes
  else
    in_root "$(build_root)/root" "lintian --allow-root $options /packages/*.changes" "$1:/packages"
  fi
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
