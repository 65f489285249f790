// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/mount_from_cri.h"

#include "base/strings.h"
#include "rktlet/cri/fields_from_cri.h"

namespace rktlet::cri {
namespace {

namespace v1 = ::runtime::v1;

absl::StatusOr<spec::Propagation> PropagationFromCri(const std::string& where, v1::MountPropagation propagation) {
  switch (propagation) {
    case v1::PROPAGATION_PRIVATE:
      return spec::Propagation::kPrivate;
    case v1::PROPAGATION_HOST_TO_CONTAINER:
      return spec::Propagation::kHostToContainer;
    case v1::PROPAGATION_BIDIRECTIONAL:
      return spec::Propagation::kBidirectional;
    default:
      return WrongField(where, base::StrCat(int{propagation}, " is no mount propagation"));
  }
}

absl::Status ReadSource(const std::string& where, const v1::Mount& cri, spec::Mount& mount) {
  if (!cri.has_image()) {
    if (!cri.image_sub_path().empty()) {
      return WrongField(where + ".image_sub_path", "given without an image");
    }
    if (cri.host_path().empty()) {
      return WrongField(where + ".host_path", "missing");
    }
    mount.host_path = cri.host_path();
    return absl::OkStatus();
  }
  if (cri.image().image().empty()) {
    return WrongField(where + ".image.image", "missing");
  }
  if (!cri.host_path().empty()) {
    return WrongField(where + ".host_path", "given together with an image");
  }
  if (!cri.readonly()) {
    return WrongField(where + ".readonly", "must be set with an image, whose content nobody changes");
  }
  mount.kind = spec::MountKind::kImage;
  mount.image = cri.image().image();
  mount.image_sub_path = cri.image_sub_path();
  return CheckRuntimeHandler(where + ".image.runtime_handler", cri.image().runtime_handler());
}

// Each has to be one that takes something away: there is no way to get more than the source's own mount allows.
absl::Status ReadOptions(const std::string& where, const v1::Mount& cri, spec::Mount& mount) {
  for (const std::string& option : cri.mount_options()) {
    if (option == "ro" || option == "rw") {
      return WrongField(where, base::StrCat("\"", option, "\" is what the field readonly says"));
    }
    if (option != "noexec" && option != "nodev" && option != "nosuid") {
      return WrongField(where, base::StrCat("\"", option, "\" is none of noexec, nodev, nosuid"));
    }
    mount.options.push_back(option);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<spec::Mount> MountFromCri(const std::string& where, const v1::Mount& cri) {
  if ((cri.uidmappings_size() > 0) != (cri.gidmappings_size() > 0)) {
    return WrongField(where + (cri.uidmappings_size() > 0 ? ".gidMappings" : ".uidMappings"),
                      "missing: both kinds of ids are mapped, or none");
  }
  if (cri.container_path().empty()) {
    return WrongField(where + ".container_path", "missing");
  }
  spec::Mount mount;
  RETURN_IF_ERROR(ReadSource(where, cri, mount));
  mount.container_path = cri.container_path();
  mount.read_only = cri.readonly();
  mount.recursive_read_only = cri.recursive_read_only();
  mount.selinux_relabel = cri.selinux_relabel();
  mount.uid_mappings = IdMappingsFromCri(cri.uidmappings());
  mount.gid_mappings = IdMappingsFromCri(cri.gidmappings());
  RETURN_IF_ERROR(ReadOptions(where + ".mount_options", cri, mount));
  ASSIGN_OR_RETURN(mount.propagation, PropagationFromCri(where + ".propagation", cri.propagation()));
  if (mount.recursive_read_only && (!mount.read_only || mount.propagation != spec::Propagation::kPrivate)) {
    return WrongField(where + ".recursive_read_only", "needs readonly and private propagation");
  }
  return mount;
}

}  // namespace rktlet::cri
