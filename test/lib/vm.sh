# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Virtual machines with Debian's kernel and pure cgroup v2: what users run and a box cannot show. The disk is the box's
# root file system; nothing of it is written back. Needs common.sh and boxroot.sh.

# Prints the directory with the kernel, the initial RAM disk and the disk image.
vm_base() {
  local root
  root=$(box_root)
  cached vms "$(hash_of "$root" "$(declare -f build_vm_base build_initrd build_disk build_kernel)" \
    "$(hash_of_files "$TEST_DIR/inside/vm-init" "$TEST_DIR/inside/vm-run")")" build_vm_base "$root/root"
}

build_vm_base() {
  local out=$1 root=$2 kernel
  need_packages qemu-system-x86 e2fsprogs kmod cpio busybox-static zstd
  # The machine's kernel matters little; a security update of Debian's makes no new image.
  kernel=$(cached kernels "$(hash_of "$DEBIAN_RELEASE" "$(declare -f build_kernel)")" build_kernel)
  say "building the disk of the virtual machine"
  cp "$kernel/vmlinuz" "$out/vmlinuz"
  build_initrd "$kernel" "$out/initrd"
  build_disk "$root" "$kernel" "$out/work" "$out/disk"
  rm -rf "$out/work"
}

# Debian's kernel for virtual machines and its modules.
build_kernel() {
  local out=$1 package version
  need_packages kmod
  apt_get update
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
  say "fetching $package"
  cd "$out" || exit 1
  apt-get download -q "$package" >/dev/null 2>&1
  dpkg-deb -x ./*.deb tree
  version=$(ls tree/lib/modules)
  depmod -b tree "$version"
  mv tree/boot/vmlinuz-* vmlinuz
  mv tree/lib/modules modules
  echo "$version" >version
  rm -rf tree ./*.deb
}

# An initial RAM disk that loads what the disk needs, in the order of the dependencies, and switches to it.
build_initrd() {
  local kernel=$1 out=$2 tree version module
  tree=$(mktemp -d)
  version=$(cat "$kernel/version")
  mkdir -p "$tree"/{bin,proc,sys,dev,root,modules,lib}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  ln -s busybox "$tree/bin/sh"
  ln -s "$kernel/modules" "$tree/lib/modules"
  : >"$tree/order"
  # virtio_pci's two halves come before it; modprobe knows all other dependencies.
  for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk crc32c_generic ext4; do
    modprobe -d "$tree" -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
  done | while read -r file; do
    grep -qx "$(basename "$file")" "$tree/order" && continue
    cp "$file" "$tree/modules/"
    basename "$file" >>"$tree/order"
  done
  rm "$tree/lib/modules"
  cp "$TEST_DIR/inside/vm-init" "$tree/init"
  (cd "$tree" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --owner=0:0 | zstd -q -3) >"$out"
  rm -rf "$tree"
}

build_disk() {
  local root=$1 kernel=$2 work=$3 out=$4
  mkdir -p "$work"
  cp -a "$root" "$work/root"
  mkdir -p "$work/root/lib/modules" "$work/root/payload"
  cp -a "$kernel/modules/." "$work/root/lib/modules/"
  echo vm >"$work/root/etc/hostname"
  install -m 755 "$TEST_DIR/inside/vm-run" "$work/root/usr/local/sbin/vm-run"
  ln -sf /dev/null "$work/root/etc/systemd/system/serial-getty@ttyS0.service"
  # Named like the cgroup that commands in a box run in: tests leave it out of their accounts.
  cat >"$work/root/etc/systemd/system/box-exec.service" <<'UNIT'
[Unit]
Description=What the machine was started for
After=network.target dbus.socket
[Service]
ExecStart=/usr/local/sbin/vm-run
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
TimeoutStopSec=5
[Install]
WantedBy=multi-user.target
UNIT
  mkdir -p "$work/root/etc/systemd/system/multi-user.target.wants"
  ln -s ../box-exec.service "$work/root/etc/systemd/system/multi-user.target.wants/box-exec.service"
  # With inodes for an image of a million files.
  mkfs.ext4 -q -F -L root -m 0 -N 1500000 -O ^has_journal -d "$work/root" "$out" 6G
}

# Prints kvm where a guest really runs with it, else tcg. /dev/kvm may exist and hang: only booting tells. The answer
# holds until the machine boots again.
vm_accelerator() {
  local base=$1 answer boot_id
  read -r boot_id </proc/sys/kernel/random/boot_id
  answer=$CACHE_DIR/vms/accelerator-$boot_id
  if [[ ! -s $answer ]]; then
    rm -f "$CACHE_DIR"/vms/accelerator-*
    if [[ -w /dev/kvm ]] && timeout --kill-after=2 20 qemu-system-x86_64 -M q35,accel=kvm -cpu max -m 256 -nodefaults \
      -display none -no-reboot -serial stdio -kernel "$base/vmlinuz" -initrd "$base/initrd" \
      -append 'console=ttyS0 quiet vm.probe' </dev/null 2>/dev/null | grep 'vm: alive' >/dev/null; then
      echo kvm >"$answer"
    else
      echo tcg >"$answer"
    fi
  fi
  cat "$answer"
}

# vm_qemu BASE PAYLOAD CONSOLE: runs the machine with its second serial line on this process's stdio.
vm_qemu() {
  local base=$1 payload=$2 console=$3 accelerator machine
  accelerator=$(vm_accelerator "$base")
  case $accelerator in
    kvm) machine=(-M "q35,accel=kvm") ;;
    tcg) machine=(-M q35 -accel "tcg,thread=multi") ;;
  esac
  exec qemu-system-x86_64 "${machine[@]}" -cpu max -smp 2 -m "${VM_MEMORY:-3072}" -nodefaults -display none -no-reboot \
    -kernel "$base/vmlinuz" -initrd "$base/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet apparmor=1 security=apparmor systemd.show_status=0 vm.slow=$([[ $accelerator == kvm ]] && echo 2 || echo 10)" \
    -drive "file=$base/disk,if=virtio,format=raw,snapshot=on,cache=unsafe" \
    -drive "file=$payload,if=virtio,format=raw,readonly=on" \
    -serial "file:$console" -chardev stdio,id=out,signal=off -serial chardev:out
}
