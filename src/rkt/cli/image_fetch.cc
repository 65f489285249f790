// SPDX-License-Identifier: Apache-2.0
// `rkt fetch` and `rkt image fetch`.
#include "rkt/image/fetch.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/fetch_progress.h"

namespace rkt::cli {
namespace {

constexpr size_t kAuthFileLimit = size_t{1} << 20;

// Credentials from stdin, in memory that only this process and skopeo can open.
absl::StatusOr<rktlet::base::UniqueFd> ReadCredentials() {
  ASSIGN_OR_RETURN(const std::string text, rktlet::base::ReadAll(STDIN_FILENO, kAuthFileLimit));
  rktlet::base::UniqueFd memory(::memfd_create("authfile", MFD_CLOEXEC));
  if (!memory.valid()) {
    return rktlet::base::ErrnoStatus(errno, "keep the credentials");
  }
  RETURN_IF_ERROR(rktlet::base::WriteAll(memory.get(), text));
  return memory;
}

class ImageFetch final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Bool("full", &full_, "Accepted; ids are always printed in full");
    DefinePullPolicy(flags, &options_.policy);
    flags.String("authfile", "FILE|-", &authfile_, "Credentials, in the format of containers-auth.json(5); - is stdin");
    flags.List("name", "REF", &options_.names, "A further name for the image, repeatable");
    progress_.Define(flags);
    flags.Duration("stall-timeout", &stall_timeout_, "Give up when nothing arrives for so long (5m); 0: never");
    flags.String("registries-conf", "FILE", &options_.skopeo.registries_conf,
                 "Instead of the system's registries.conf");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    options_.skopeo.verify_tls = !context.Insecure("tls") && !context.Insecure("http");
    options_.skopeo.verify_image = !context.Insecure("image");
    options_.skopeo.stall_timeout = stall_timeout_.value_or(options_.skopeo.stall_timeout);
    rktlet::base::UniqueFd credentials;
    if (authfile_ == "-") {
      ASSIGN_OR_RETURN(credentials, ReadCredentials());
      options_.skopeo.auth_fd = credentials.get();
    } else {
      options_.skopeo.authfile = authfile_;
    }
    options_.want_total = progress_.IsBar();
    ASSIGN_OR_RETURN(image::Store store, image::Store::Open(context.flags().dir));
    for (const std::string& reference : positionals.args) {
      options_.on_progress = [&](const image::FetchProgress& progress) {
        progress_.Show(context, reference, progress);
      };
      auto record = image::Fetch(store, reference, options_);
      if (!record.ok()) {
        progress_.ShowFailure(reference, record.status());
        return record.status();
      }
      context.Announce();
      context.out() += record->id + "\n";
    }
    return 0;
  }

 private:
  image::FetchOptions options_;
  bool full_ = false;
  std::string authfile_;
  FetchProgressView progress_;
  std::optional<std::chrono::nanoseconds> stall_timeout_;
};

}  // namespace

void RegisterImageFetch(Registry& registry) {
  CommandInfo info = {.path = "fetch",
                      .arguments = "REF…",
                      .summary = "Fetch images and print their ids",
                      .details =
                          "REF is a name such as busybox or docker://registry.example/team/app:1, with a tag or "
                          "a digest,\nor oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:REF].",
                      .min_args = 1};
  registry.Add<ImageFetch>(info);
  info.path = "image fetch";
  registry.Add<ImageFetch>(info);
}

}  // namespace rkt::cli
