// SPDX-License-Identifier: Apache-2.0
// `rkt image export`.
#include "rkt/image/export.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/cli/commands.h"
#include "spec/image_reference.h"

namespace rkt::cli {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;

class ImageExport final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Bool("overwrite", &overwrite_, "Replace a file that is there");
    flags.OptionalString("name", "NAME", &name_, "What the image is called in the archive (IMAGE, or its first name)");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const std::string& file = positionals.args[1];
    ASSIGN_OR_RETURN(const image::Store store, image::Store::Open(context.flags().dir));
    ASSIGN_OR_RETURN(const image::ImageRecord record, store.Find(positionals.args[0]));
    const std::string name = NameOf(record, positionals.args[0]);
    if (file == "-") {
      if (::isatty(STDOUT_FILENO) != 0) {
        return UsageError("an archive is not written to a terminal");
      }
      RETURN_IF_ERROR(image::ExportImage(store, record.id, name, STDOUT_FILENO));
      return 0;
    }
    // Complete under its name, or not there: a half archive is worth nothing.
    if (!overwrite_ && rktlet::base::Exists(file)) {
      return absl::AlreadyExistsError(StrCat(file, " is there already; --overwrite replaces it"));
    }
    const std::string temporary = StrCat(file, ".new-", ::getpid());
    const absl::Status written = Write(store, record.id, name, temporary, file);
    if (!written.ok()) {
      ::unlink(temporary.c_str());
    }
    RETURN_IF_ERROR(written);
    return 0;
  }

 private:
  std::string NameOf(const image::ImageRecord& record, const std::string& asked) const {
    if (name_.has_value()) {
      return *name_;
    }
    if (const auto reference = rktlet::spec::ImageReference::Parse(asked);
        reference.ok() && !rktlet::spec::IsImageIdPrefix(asked) && reference->digest().empty()) {
      return reference->Name();
    }
    return record.tags.empty() ? "" : record.tags.front();
  }

  absl::Status Write(const image::Store& store, const std::string& id, const std::string& name,
                     const std::string& temporary, const std::string& file) const {
    ASSIGN_OR_RETURN(const auto output, rktlet::base::OpenAt(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL, 0644));
    RETURN_IF_ERROR(image::ExportImage(store, id, name, output.get()));
    const unsigned flags = overwrite_ ? 0 : RENAME_NOREPLACE;
    if (::fsync(output.get()) != 0 || ::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, file.c_str(), flags) != 0) {
      return ErrnoStatus(errno, file);
    }
    return absl::OkStatus();
  }

  bool overwrite_ = false;
  std::optional<std::string> name_;
};

}  // namespace

void RegisterImageExport(Registry& registry) {
  registry.Add<ImageExport>({.path = "image export",
                             .arguments = "IMAGE FILE|-",
                             .summary = "Write an image to an OCI archive",
                             .details =
                                 "`rkt fetch oci-archive:FILE --name=NAME` reads it back, and so do skopeo, podman "
                                 "and containerd.",
                             .min_args = 2,
                             .max_args = 2});
}

}  // namespace rkt::cli
