// SPDX-License-Identifier: Apache-2.0
// `rkt fetch` and `rkt image fetch`.
#include "rkt/image/fetch.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/files.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

constexpr size_t kAuthFileLimit = size_t{1} << 20;

void PrintLine(const nlohmann::json& document) {
  const std::string line = ToJson(document, Format::kJson);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

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
    flags.Custom({.name = "pull-policy",
                  .placeholder = "new|never|update",
                  .help = "Fetch what the store has not (new), nothing (never), or what changed (update)",
                  .set = [this](const std::string& value) { return SetPolicy(value); }});
    flags.String("authfile", "FILE|-", &authfile_, "Credentials, in the format of containers-auth.json(5); - is stdin");
    flags.List("name", "REF", &options_.names, "A further name for the image, repeatable");
    flags.Custom({.name = "progress",
                  .placeholder = "text|json|none",
                  .help = "How to show progress on stderr (text)",
                  .set = [this](const std::string& value) -> absl::Status {
                    if (value != "text" && value != "json" && value != "none") {
                      return absl::InvalidArgumentError("not one of text, json, none");
                    }
                    progress_ = value;
                    return absl::OkStatus();
                  }});
    flags.Duration("stall-timeout", &stall_timeout_, "Give up when nothing arrives for so long (5m)");
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
    ASSIGN_OR_RETURN(image::Store store, image::Store::Open(context.flags().dir));
    for (const std::string& reference : positionals.args) {
      options_.on_progress = [&](const image::FetchProgress& progress) { Show(context, reference, progress); };
      auto record = image::Fetch(store, reference, options_);
      if (!record.ok()) {
        if (progress_ == "json") {
          PrintLine({{"image", reference},
                     {"phase", "failed"},
                     {"code", absl::StatusCodeToString(record.status().code())},
                     {"message", std::string(record.status().message())}});
        }
        return record.status();
      }
      context.Announce();
      context.out() += record->id + "\n";
    }
    return 0;
  }

 private:
  absl::Status SetPolicy(const std::string& value) {
    if (value == "new") {
      options_.policy = image::PullPolicy::kNew;
    } else if (value == "never") {
      options_.policy = image::PullPolicy::kNever;
    } else if (value == "update") {
      options_.policy = image::PullPolicy::kUpdate;
    } else {
      return absl::InvalidArgumentError("not one of new, never, update");
    }
    return absl::OkStatus();
  }

  void Show(const Context& context, const std::string& reference, const image::FetchProgress& progress) {
    if (progress_ == "json") {
      nlohmann::json line = {{"image", reference}, {"phase", std::string(progress.phase)}};
      if (progress.phase == "fetch") {
        line["bytes"] = progress.bytes;
      } else if (progress.phase == "unpack") {
        line["layer"] = progress.layer;
        line["layers"] = progress.layers;
      }
      PrintLine(line);
    } else if (progress_ == "text" && progress.phase == "fetch") {
      // Once for each doubling: a log is no place for a progress bar.
      if (progress.bytes >= next_note_) {
        context.Note(StrCat(reference, ": ", HumanSize(progress.bytes), " fetched"));
        next_note_ = progress.bytes * 2;
      }
    } else if (progress_ == "text" && progress.phase == "unpack") {
      context.Note(StrCat(reference, ": unpacking layer ", progress.layer, " of ", progress.layers));
    }
  }

  image::FetchOptions options_;
  bool full_ = false;
  std::string authfile_;
  std::string progress_ = "text";
  std::optional<std::chrono::nanoseconds> stall_timeout_;
  uint64_t next_note_ = uint64_t{1} << 20;
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
