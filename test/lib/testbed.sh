# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Puts what tests need into a box: this directory, the test clients, the images and the registry that serves them.
# Needs common.sh, debianroot.sh, boxroot.sh, box.sh, gotools.sh and images.sh.

INSIDE=/opt/rktlet   # where it all lies in a box or VM: test/ bin/ images/

# testbed_push BOX: copies; repeating it refreshes the scripts.
testbed_push() {
  local name=$1 tools images descriptors
  descriptors=$(cached cri-descriptors "$(hash_of_files "$REPO_DIR/proto")" build_descriptors)
  tools=$(go_tools)
  images=$(test_images)
  box_exec "$name" mkdir -p "$INSIDE/bin" "$INSIDE/images"
  box_exec "$name" rm -rf "$INSIDE/test"
  box_push "$name" "$TEST_DIR" "$INSIDE"
  box_exec "$name" sh -c 'echo "runtime-endpoint: unix:///run/rktlet/rktlet.sock" >/etc/crictl.yaml'
  box_push "$name" "$descriptors/cri.pb" "$INSIDE/bin"
  if ! box_exec "$name" test -e "$INSIDE/images/images.json"; then
    box_push "$name" "$tools/crictl" "$tools/critest" "$tools/streamload" "$INSIDE/bin"
    box_exec "$name" ln -sf "$INSIDE/bin/crictl" /usr/local/bin/crictl
    box_push "$name" "$images/registry" "$images/images.json" "$INSIDE/images"
  fi
}

# testbed_host: the same on this machine itself.
testbed_host() {
  local tools images descriptors
  need_root
  need_packages curl docker-registry iproute2 iptables jq openssl procps python3-grpcio python3-protobuf socat
  descriptors=$(cached cri-descriptors "$(hash_of_files "$REPO_DIR/proto")" build_descriptors)
  tools=$(go_tools)
  images=$(test_images)
  mkdir -p "$INSIDE/bin" "$INSIDE/images"
  rm -rf "$INSIDE/test"
  cp -a "$TEST_DIR" "$INSIDE/test"
  cp "$tools/crictl" "$tools/critest" "$tools/streamload" "$descriptors/cri.pb" "$INSIDE/bin/"
  cp -a "$images/registry" "$images/images.json" "$INSIDE/images/"
  "$INSIDE/test/inside/registry-setup" "$INSIDE/images/registry"
}

# Our statement of the CRI as inside/cri.py reads it.
build_descriptors() {
  need_packages protobuf-compiler libprotobuf-dev
  protoc -I "$REPO_DIR/proto/cri/v1" -I /usr/include --include_imports --descriptor_set_out="$1/cri.pb" api.proto
}

# testbed_registry BOX: the registry runs there and is found.
testbed_registry() { box_exec "$1" "$INSIDE/test/inside/registry-setup" "$INSIDE/images/registry"; }

# testbed_containerd BOX: Debian's containerd with crun in the box, configured as on a kubelet's node with the systemd
# cgroup driver: the runtime to compare with, and the proof that the harness itself works.
testbed_containerd() {
  local name=$1 debs
  debs=$(cached debs "$(hash_of "$DEBIAN_RELEASE" containerd runc "$(declare -f build_containerd_debs)")" build_containerd_debs)
  box_install "$name" "$debs"/*.deb
  box_exec "$name" mkdir -p /etc/cni/net.d
  box_exec "$name" sh -c 'cat >/etc/containerd/config.toml' <"$TEST_DIR/inside/containerd.toml"
  box_exec "$name" sh -c 'ls /etc/cni/net.d | grep . >/dev/null || cat >/etc/cni/net.d/90-test.conflist' <"$TEST_DIR/inside/cni.conflist"
  box_exec "$name" systemctl restart containerd
}

build_containerd_debs() {
  local out=$1 btrfs=libbtrfs0
  [[ $DEBIAN_RELEASE == bookworm ]] || btrfs=libbtrfs0t64
  cd "$out" || exit 1
  quiet release_apt "$out/apt" deb "$DEBIAN_RELEASE" download containerd runc "$btrfs"
  rm -r "$out/apt"
}
