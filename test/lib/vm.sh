# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Virtual machines with Debian's kernel and pure cgroup v2: what users run and a box cannot show. The disk is the box's
# root file system; nothing of it is written back. Needs common.sh, debianroot.sh and boxroot.sh.

# vm_base SECURITY: prints the directory with the kernel, the initial RAM disk and the disk image for a boot with that security
# module, apparmor or selinux.
vm_base() {
  local root variant=''
  if [[ $1 == selinux ]]; then variant=selinux; fi
  root=$(box_root "$variant")
  cached vms "$(hash_of "$root" "$1" "$(declare -f build_vm_base build_initrd build_disk build_kernel label_for_selinux)" \
    "$(hash_of_files "$TEST_DIR/inside/vm-init" "$TEST_DIR/inside/vm-run")")" build_vm_base "$root/root" "$1"
}

build_vm_base() {
  local out=$1 root=$2 security=$3 kernel
  need_packages qemu-system-x86 e2fsprogs kmod cpio busybox-static zstd
  # The machine's kernel matters little; a security update of Debian's makes no new image.
  kernel=$(cached kernels "$(hash_of "$DEBIAN_RELEASE" "$(declare -f build_kernel)")" build_kernel)
  say "building the disk of the virtual machine ($DEBIAN_RELEASE, $security)"
  cp "$kernel/vmlinuz" "$out/vmlinuz"
  build_initrd "$kernel" "$out/initrd"
  build_disk "$root" "$kernel" "$out/work" "$out/disk" "$security"
  rm -rf "$out/work"
}

# Debian's kernel for virtual machines and its modules.
build_kernel() {
  local out=$1 package version
  need_packages kmod
  cd "$out" || exit 1
  # The package of that name is empty; the one that it depends on has the version in its name.
  quiet release_apt "$out/apt" deb "$DEBIAN_RELEASE" download linux-image-cloud-amd64
  package=$(dpkg-deb -f ./linux-image-cloud-amd64_*.deb Depends | grep -oE 'linux-image-[^ ,]+' | sed -n 1p)
  say "fetching $package"
  rm ./*.deb
  quiet release_apt "$out/apt" deb "$DEBIAN_RELEASE" download "$package"
  dpkg-deb -x ./*.deb tree
  # Debian 13's lie under /usr.
  if [[ -d tree/usr/lib/modules ]]; then mv tree/usr/lib tree/lib; fi
  version=$(ls tree/lib/modules)
  depmod -b tree "$version"
  mv tree/boot/vmlinuz-* vmlinuz
  mv tree/lib/modules modules
  echo "$version" >version
  rm -rf tree apt ./*.deb
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
  # virtio_pci's two halves come before it; modprobe knows all other dependencies. What is part of one release's kernel is a
  # module of another's.
  for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk crc32c_generic ext4; do
    modprobe -d "$tree" -S "$version" --quiet --show-depends "$module" | awk '$1 == "insmod" { print $2 }' || true
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
  local root=$1 kernel=$2 work=$3 out=$4 security=$5
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
  if [[ $security == selinux ]]; then label_for_selinux "$work/root"; fi
  # With inodes for an image of a million files.
  mkfs.ext4 -q -F -L root -m 0 -N 1500000 -O ^has_journal -d "$work/root" "$out" 6G
}

# label_for_selinux ROOT: gives each file the label of the policy that is installed there, so that no boot has to; mkfs takes
# the labels over with the files.
label_for_selinux() {
  local root=$1 policy=$1/etc/selinux/default
  need_packages policycoreutils attr
  sed -i -e 's/^SELINUX=.*/SELINUX=permissive/' -e 's/^SELINUXTYPE=.*/SELINUXTYPE=default/' "$root/etc/selinux/config"
  rm -f "$root/.autorelabel"
  setfiles -F -m -r "$root" "$policy/contexts/files/file_contexts" "$root"
  getfattr --absolute-names -n security.selinux "$root/usr/bin/bash" | grep shell_exec_t >/dev/null ||
    die "the files of the disk have no SELinux labels: this machine does not let root set them"
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

# vm_qemu BASE PAYLOAD CONSOLE SECURITY: runs the machine with its second serial line on this process's stdio.
vm_qemu() {
  local base=$1 payload=$2 console=$3 accelerator machine security slow=2
  case $4 in
    apparmor) security='apparmor=1 security=apparmor' ;;
    selinux) security='selinux=1 security=selinux enforcing=0' ;;
  esac
  accelerator=$(vm_accelerator "$base")
  case $accelerator in
    kvm) machine=(-M "q35,accel=kvm") ;;
    tcg)
      machine=(-M q35 -accel "tcg,thread=multi")
      # What the kernel does against speculation, an emulated processor has to do as well, for nothing.
      slow="10 mitigations=off"
      ;;
  esac
  exec qemu-system-x86_64 "${machine[@]}" -cpu max -smp 2 -m "${VM_MEMORY:-3072}" -nodefaults -display none -no-reboot \
    -kernel "$base/vmlinuz" -initrd "$base/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet $security systemd.show_status=0 vm.slow=$slow" \
    -drive "file=$base/disk,if=virtio,format=raw,snapshot=on,cache=unsafe" \
    -drive "file=$payload,if=virtio,format=raw,readonly=on" \
    -serial "file:$console" -chardev stdio,id=out,signal=off -serial chardev:out
}
