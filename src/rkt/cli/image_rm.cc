// SPDX-License-Identifier: Apache-2.0
// `rkt image rm`.
#include "base/strings.h"
#include "rkt/cli/commands.h"
#include "rkt/image/store.h"

namespace rkt::cli {
namespace {

class ImageRm final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Bool("force", &options_.force, "Also images in use; their layers go with the last container");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    ASSIGN_OR_RETURN(image::Store store, image::Store::Open(context.flags().dir));
    absl::Status first_error;
    for (const std::string& reference : positionals.args) {
      const auto removed = store.Remove(reference, options_);
      if (absl::IsNotFound(removed.status())) {
        context.Note(rktlet::base::ToStd(removed.status().message()));
      } else if (!removed.ok()) {
        if (!first_error.ok()) {
          context.Note(rktlet::base::ToStd(first_error.message()));
        }
        first_error = removed.status();
      } else {
        context.Announce();
      }
    }
    RETURN_IF_ERROR(first_error);
    return 0;
  }

 private:
  image::RemoveOptions options_;
};

}  // namespace

void RegisterImageRm(Registry& registry) {
  registry.Add<ImageRm>({.path = "image rm",
                         .arguments = "REF…",
                         .summary = "Remove images",
                         .details = "REF is a name, a repository with a digest, or an id or its beginning. A name of "
                                    "several is only taken away;\nthe image goes with its last name, or by its id.",
                         .min_args = 1});
}

}  // namespace rkt::cli
