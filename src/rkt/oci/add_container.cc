// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/add_container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"
#include "rkt/image/store.h"
#include "rkt/oci/criu.h"
#include "rkt/oci/declared_volumes.h"
#include "rkt/oci/id_mappings.h"
#include "rkt/oci/image_volumes.h"
#include "rkt/oci/layered_root.h"
#include "rkt/oci/oci_runtime.h"
#include "rkt/oci/restore_source.h"
#include "rkt/oci/rootfs.h"
#include "rkt/oci/spec_builder.h"
#include "rkt/pod/id_mapped_mount.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/user_namespace.h"
#include "rkt/selinux/relabel.h"
#include "spec/image_reference.h"
#include "spec/runtime_handlers.h"
#include "unit/unit_names.h"

namespace rkt::oci {
namespace {

using rktlet::base::Annotate;
using rktlet::base::ErrnoStatus;
using rktlet::base::FileLock;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;
using rktlet::spec::ContainerRecord;
using rktlet::spec::ContainerSpec;
using rktlet::spec::Layout;
using rktlet::spec::PodId;
using rktlet::spec::PodState;

// Names with a dot in front are no apps. The lock on the directory itself tells work in progress from leftovers.
constexpr char kTemporaryPrefix[] = ".new-";

struct Image {
  std::string id;
  std::string ref;  // by digest
  ImageProcess process;
  OverlayLayers layers;
  std::vector<ImageVolume> volumes;            // made from other images
  std::vector<RuntimeMount> declared_volumes;  // that the image itself asks for

  std::vector<std::string> AbsoluteLayers() const {
    std::vector<std::string> paths;
    for (const std::string& name : layers.names) {
      paths.push_back(layers.base_path + "/" + name);
    }
    return paths;
  }
};

// The image's digest in the repository that was asked for, or the first that it has; without one its id.
std::string ReferenceByDigest(const rkt::image::ImageRecord& record, const std::string& asked) {
  const auto reference = rktlet::spec::ImageReference::Parse(asked);
  const std::string wanted = reference.ok() ? reference->Repository() + "@" : "";
  for (const std::string& digest : record.digests) {
    if (!wanted.empty() && digest.starts_with(wanted)) {
      return digest;
    }
  }
  return record.digests.empty() ? record.id : record.digests.front();
}

// `name` is the image of the root; the container's volumes may be of others.
absl::StatusOr<Image> ReadImage(const rkt::image::Store& store, const std::string& name, const ContainerSpec& container,
                                const std::string& container_directory) {
  ASSIGN_OR_RETURN(rkt::image::ImageRecord record, store.Find(name));
  ASSIGN_OR_RETURN(rkt::image::ImageConfig config, store.Config(record.id));
  ASSIGN_OR_RETURN(rkt::image::LowerDirs lower, store.LowerDirs(record.id));
  Image image;
  image.id = record.id;
  image.ref = ReferenceByDigest(record, container.user_specified_image.empty() ? name : container.user_specified_image);
  image.process = {config.entrypoint, config.cmd, config.env, config.working_dir, config.user, config.stop_signal};
  image.layers = {lower.base_path, lower.names};
  ASSIGN_OR_RETURN(image.volumes, FindImageVolumes(store, container));
  ASSIGN_OR_RETURN(image.declared_volumes, DeclaredVolumes(config.volumes, container.mounts, container_directory));
  return image;
}

absl::Status CheckPod(const Layout& layout, const PodState& pod) {
  const std::string& id = pod.record.spec.id.str();
  if (pod.stopped || pod.exit.has_value()) {
    return absl::FailedPreconditionError(StrCat("pod ", id, " was stopped"));
  }
  ASSIGN_OR_RETURN(std::string boot_id, rktlet::base::BootId());
  if (pod.record.boot_id != boot_id) {
    return absl::FailedPreconditionError(StrCat("pod ", id, " was made before this boot and does not run"));
  }
  static_cast<void>(layout);
  return absl::OkStatus();
}

// Found now rather than at the start.
absl::Status CheckRestore(const PodState& pod) {
  ASSIGN_OR_RETURN(const OciRuntime runtime, OciRuntime::Find(pod.record.spec.runtime_handler));
  return CheckCriu(runtime);
}

std::string Hostname(const Layout& layout, const PodState& pod) {
  absl::StatusOr<std::string> text =
      rktlet::base::ReadFile(layout.PodFile(pod.record.spec.id, rktlet::spec::kHostnameFile));
  if (!text.ok()) {
    return pod.record.spec.hostname;
  }
  return text->substr(0, text->find('\n'));
}

// A directory for the container under a temporary name, removed with what is in it unless Commit() gave it its own.
class NewDirectory {
 public:
  static absl::StatusOr<NewDirectory> Make(const Layout& layout, const PodId& pod, const std::string& app) {
    ASSIGN_OR_RETURN(FileLock lock, rkt::pod::LockPod(layout, pod));
    RETURN_IF_ERROR(rktlet::base::MakeDirectories(layout.Apps(pod), 0700));
    SweepApps(layout, pod);
    NewDirectory directory;
    directory.path_ = StrCat(layout.Apps(pod), "/", kTemporaryPrefix, app, "-", getpid());
    if (mkdir(directory.path_.c_str(), 0700) != 0) {
      const absl::Status status = ErrnoStatus(errno, directory.path_);
      directory.path_.clear();
      return status;
    }
    ASSIGN_OR_RETURN(directory.fd_, rktlet::base::OpenDirectory(directory.path_));
    if (flock(directory.fd_.get(), LOCK_EX | LOCK_NB) != 0) {
      return ErrnoStatus(errno, directory.path_);
    }
    return directory;
  }
  NewDirectory(NewDirectory&& other) noexcept : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;
  ~NewDirectory() {
    if (!path_.empty()) {
      rktlet::base::RemoveTree(path_).IgnoreError();
    }
  }

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

  absl::Status Commit(const std::string& path) {
    if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
      return ErrnoStatus(errno, path);
    }
    path_.clear();
    return absl::OkStatus();
  }

 private:
  NewDirectory() = default;
  std::string path_;
  UniqueFd fd_;
};

// The root directory of a container has the mode and owner of its image's, seen through the pod's user namespace: the
// layers below it are mapped when they are mounted, what is written above them is the node's ids.
absl::Status MakeOverlayDirectories(int dir_fd, const Image& image, const rktlet::spec::PodSpec& pod) {
  struct stat st = {};
  st.st_mode = 0755;
  if (!image.layers.names.empty() && stat(image.AbsoluteLayers().front().c_str(), &st) != 0) {
    return ErrnoStatus(errno, StrCat("image ", image.id));
  }
  for (const char* name : {kUpperDir, kWorkDir}) {
    if (mkdirat(dir_fd, name, 0700) != 0) {
      return ErrnoStatus(errno, name);
    }
  }
  if (pod.user_namespace.has_value()) {
    st.st_uid = HostId(pod.user_namespace->uids, st.st_uid).value_or(RootOf(pod).uid);
    st.st_gid = HostId(pod.user_namespace->gids, st.st_gid).value_or(RootOf(pod).gid);
  }
  if (fchownat(dir_fd, kUpperDir, st.st_uid, st.st_gid, 0) != 0 ||
      fchmodat(dir_fd, kUpperDir, st.st_mode & 07777, 0) != 0) {
    return ErrnoStatus(errno, kUpperDir);
  }
  return absl::OkStatus();
}

absl::StatusOr<ContainerRecord> MakeRecord(const PodState& pod, const ContainerSpec& container, const Image& image,
                                           const BuildResult& built) {
  ContainerRecord record;
  record.spec = container;
  record.created_at = rktlet::base::SystemClock().RealtimeNanos();
  ASSIGN_OR_RETURN(record.boot_id, rktlet::base::BootId());
  record.unit = rktlet::unit::ContainerUnitName(pod.record.spec, container).str();
  record.image_id = image.id;
  record.image_ref = image.ref;
  for (const ImageVolume& volume : image.volumes) {
    record.image_volumes.push_back({volume.container_path, volume.image_id});
  }
  record.stop_signal = built.stop_signal;
  record.argv = built.spec.process.args;
  record.uid = built.spec.process.user.uid;
  record.gid = built.spec.process.user.gid;
  record.supplemental_groups.assign(built.spec.process.user.additional_gids.begin(),
                                    built.spec.process.user.additional_gids.end());
  if (!pod.record.spec.log_directory.empty() && !container.log_path.empty()) {
    record.log_path = pod.record.spec.log_directory + "/" + container.log_path;
  }
  record.warnings = built.warnings;
  record.device_nodes = built.device_nodes;
  record.cdi_mount_sources = built.cdi.mount_sources;
  record.poststart_hooks = built.cdi.poststart;
  return record;
}

absl::StatusOr<std::vector<rkt::cdi::DeviceEdits>> CdiEdits(const ContainerSpec& container,
                                                            const std::vector<std::string>& directories) {
  if (!container.cdi_devices.empty() && directories.empty()) {
    return absl::FailedPreconditionError(StrCat("CDI device ", container.cdi_devices.front(),
                                                ": there are no directories with specifications, CDI is off"));
  }
  return rkt::cdi::ResolveDevices(directories, container.cdi_devices);
}

absl::StatusOr<BuildResult> Build(const Layout& layout, const PodState& pod, const ContainerSpec& container,
                                  const Image& image, const SecurityPaths& security_paths,
                                  const std::vector<std::string>& cdi_directories) {
  ASSIGN_OR_RETURN(HostFacts facts, GatherHostFacts());
  ASSIGN_OR_RETURN(NamespaceHolders holders, FindNamespaceHolders(layout, pod.record.spec, container));
  // PID 1's, because that is where the container's unit starts: the caller may be in a mount namespace of its own.
  ASSIGN_OR_RETURN(std::string mountinfo, rktlet::base::ReadFile("/proc/1/mountinfo"));
  const HostMounts host_mounts(mountinfo);
  ASSIGN_OR_RETURN(std::vector<rkt::cdi::DeviceEdits> cdi_edits, CdiEdits(container, cdi_directories));
  std::optional<LayeredRoot> root;
  const FileReader reader = [&](const std::string& path) -> absl::StatusOr<std::string> {
    if (!root) {
      ASSIGN_OR_RETURN(root, LayeredRoot::Open(image.AbsoluteLayers()));
    }
    return root->ReadFile(path);
  };
  return BuildRuntimeSpec({layout, pod.record.spec, container, image.process, facts, host_mounts, holders,
                           security_paths, Hostname(layout, pod), reader, image.declared_volumes,
                           pod.record.selinux_level, std::move(cdi_edits)});
}

// The image's own volumes, filled; then the label of the container for them and for what it is to have of the node.
absl::Status MakeVolumes(const NewDirectory& directory, const Image& image, BuildResult& built) {
  if (!image.declared_volumes.empty()) {
    ASSIGN_OR_RETURN(const LayeredRoot root, LayeredRoot::Open(image.AbsoluteLayers()));
    RETURN_IF_ERROR(MakeDeclaredVolumes(directory.fd(), image.declared_volumes, root));
  }
  if (built.spec.mount_label.empty()) {
    return absl::OkStatus();
  }
  if (!image.declared_volumes.empty()) {
    RETURN_IF_ERROR(
        rkt::selinux::Relabel(StrCat(directory.path(), "/", kDeclaredVolumesDir), built.spec.mount_label).status());
  }
  for (const std::string& source : built.relabel) {
    ASSIGN_OR_RETURN(const auto done, rkt::selinux::Relabel(source, built.spec.mount_label));
    if (done == rkt::selinux::Relabelled::kNoLabelsThere) {
      built.warnings.push_back(StrCat(source, ": not relabelled, its file system has no labels of SELinux"));
    }
  }
  return absl::OkStatus();
}

// Volumes whose ids are mapped: a file system that cannot do it is found now, not at the start. An empty volume may not
// be there yet; it is on the file system of the pod directory.
absl::Status CheckMappedMounts(const RuntimeSpec& spec, const std::string& handler) {
  UniqueFd ids;
  const RuntimeMount* last = nullptr;  // whose mappings `ids` has
  for (const RuntimeMount& mount : spec.mounts) {
    if (mount.uid_mappings.empty() || !rktlet::base::Exists(mount.source)) {
      continue;
    }
    if (!rktlet::spec::KnowsUserNamespaces(handler)) {
      return absl::FailedPreconditionError(StrCat("mount ", mount.destination, ": the runtime handler ", handler,
                                                  " cannot start containers with mapped ids"));
    }
    if (last == nullptr || last->uid_mappings != mount.uid_mappings || last->gid_mappings != mount.gid_mappings) {
      ASSIGN_OR_RETURN(ids, rkt::pod::MakeUserNamespace(mount.uid_mappings, mount.gid_mappings));
      last = &mount;
    }
    RETURN_IF_ERROR(
        rkt::pod::CheckMapsIds(mount.source, ids.get(), StrCat("mount ", mount.destination, ": ", mount.source)));
  }
  return absl::OkStatus();
}

// Gives the finished directory its name, with the pod locked and looked at again.
absl::Status Publish(const Layout& layout, const PodId& pod, const ContainerSpec& container,
                     const std::string& mount_label, NewDirectory& directory) {
  ASSIGN_OR_RETURN(FileLock lock, rkt::pod::LockPod(layout, pod));
  if (rktlet::base::Exists(layout.PodFile(pod, rktlet::spec::kStoppedFile))) {
    return absl::FailedPreconditionError(StrCat("pod ", pod.str(), " was stopped"));
  }
  std::vector<std::string> volumes;
  absl::Status status = MakeEmptyVolumes(layout, pod, container, volumes);
  for (size_t i = 0; status.ok() && !mount_label.empty() && i < volumes.size(); ++i) {
    status = rkt::selinux::SetLabel(volumes[i], mount_label);
  }
  if (status.ok()) {
    status = directory.Commit(layout.App(pod, container.app));
    if (absl::IsAlreadyExists(status)) {
      status = absl::AlreadyExistsError(StrCat("pod ", pod.str(), " has an app \"", container.app.str(), "\" already"));
    }
  }
  if (!status.ok()) {
    for (const std::string& volume : volumes) {
      rmdir(volume.c_str());
    }
  }
  return status;
}

absl::Status MakeLogDirectory(const ContainerRecord& record) {
  const size_t slash = record.log_path.rfind('/');
  if (record.log_path.empty() || slash == 0) {
    return absl::OkStatus();
  }
  return Annotate(rktlet::base::MakeDirectories(record.log_path.substr(0, slash), 0755), "log directory");
}

}  // namespace

void SweepApps(const Layout& layout, const PodId& pod) {
  absl::StatusOr<std::vector<std::string>> names = rktlet::base::ListDirectory(layout.Apps(pod));
  if (!names.ok()) {
    return;
  }
  for (const std::string& name : *names) {
    if (name.front() != '.') {
      continue;
    }
    const std::string path = layout.Apps(pod) + "/" + name;
    absl::StatusOr<UniqueFd> fd = rktlet::base::OpenDirectory(path);
    if (fd.ok() && flock(fd->get(), LOCK_EX | LOCK_NB) == 0) {
      rktlet::base::RemoveTree(path).IgnoreError();
    }
  }
}

absl::StatusOr<ContainerRecord> AddContainer(const Layout& layout, const PodId& pod_id, const ContainerSpec& container,
                                             const SecurityPaths& security_paths,
                                             const std::vector<std::string>& cdi_directories, bool restore_images) {
  RETURN_IF_ERROR(rktlet::spec::Validate(container));
  ASSIGN_OR_RETURN(PodState pod, rktlet::spec::ReadPod(layout, pod_id));
  RETURN_IF_ERROR(CheckPod(layout, pod));
  if (rktlet::base::Exists(layout.App(pod_id, container.app))) {
    return absl::AlreadyExistsError(StrCat("pod ", pod_id.str(), " has an app \"", container.app.str(), "\" already"));
  }
  ASSIGN_OR_RETURN(rkt::image::Store store, rkt::image::Store::Open(layout.dir()));
  ASSIGN_OR_RETURN(FileLock image_lock, store.LockShared());
  ASSIGN_OR_RETURN(const auto source, FindRestoreSource(store, container.image, restore_images));
  if (source.has_value()) {
    RETURN_IF_ERROR(CheckRestore(pod));
  }
  ASSIGN_OR_RETURN(NewDirectory directory, NewDirectory::Make(layout, pod_id, container.app.str()));
  std::optional<rkt::checkpoint::Imported> imported;
  std::string image_name = container.image;
  if (source.has_value()) {
    ASSIGN_OR_RETURN(imported, Import(*source, directory.path()));
    ASSIGN_OR_RETURN(image_name, FindRootImage(store, imported->metadata));
  }
  ASSIGN_OR_RETURN(Image image, ReadImage(store, image_name, container, layout.App(pod_id, container.app)));
  if (imported.has_value() && image.process.entrypoint.empty() && image.process.cmd.empty()) {
    image.process.cmd = imported->spec.args;  // nothing is begun: it says what goes on
  }
  ASSIGN_OR_RETURN(BuildResult built, Build(layout, pod, container, image, security_paths, cdi_directories));
  RETURN_IF_ERROR(CheckMappedMounts(built.spec, pod.record.spec.runtime_handler));
  if (imported.has_value()) {
    RETURN_IF_ERROR(MatchSpecs(imported->spec, built.spec));
  }
  RETURN_IF_ERROR(MakeOverlayDirectories(directory.fd(), image, pod.record.spec));
  if (imported.has_value()) {
    RETURN_IF_ERROR(ApplyImported(directory.path()));
  }
  RETURN_IF_ERROR(MakeVolumes(directory, image, built));
  ASSIGN_OR_RETURN(ContainerRecord record, MakeRecord(pod, container, image, built));
  RETURN_IF_ERROR(
      rktlet::base::WriteFileAtomicAt(directory.fd(), rktlet::spec::kContainerFile, rktlet::spec::ToJson(record)));
  RETURN_IF_ERROR(rktlet::base::WriteFileAtomicAt(directory.fd(), rktlet::spec::kOciConfigFile, ToJson(built.spec)));
  RETURN_IF_ERROR(rktlet::base::WriteFileAtomicAt(directory.fd(), kLayersFile, LayersText(image.layers)));
  RETURN_IF_ERROR(WriteImageVolumes(directory.fd(), image.volumes));
  RETURN_IF_ERROR(MakeLogDirectory(record));
  RETURN_IF_ERROR(Publish(layout, pod_id, container, built.spec.mount_label, directory));
  store.Touch(image.id).IgnoreError();
  for (const ImageVolume& volume : image.volumes) {
    store.Touch(volume.image_id).IgnoreError();
  }
  return record;
}

}  // namespace rkt::oci
