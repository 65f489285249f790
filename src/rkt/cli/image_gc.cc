// SPDX-License-Identifier: Apache-2.0
// `rkt image gc`.
#include "base/strings.h"
#include "rkt/cli/commands.h"
#include "rkt/image/store.h"

namespace rkt::cli {
namespace {

class ImageGc final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Duration("grace-period", &grace_period_, "Keep images that were used since (24h)");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals&) override {
    ASSIGN_OR_RETURN(image::Store store, image::Store::Open(context.flags().dir));
    ASSIGN_OR_RETURN(const image::GcResult result, store.Gc(grace_period_->count()));
    for (const std::string& id : result.removed) {
      context.Note(rktlet::base::StrCat("removed ", id));
    }
    if (!result.removed.empty()) {
      context.Announce();
    }
    return 0;
  }

 private:
  std::optional<std::chrono::nanoseconds> grace_period_ = std::chrono::hours(24);
};

}  // namespace

void RegisterImageGc(Registry& registry) {
  registry.Add<ImageGc>({.path = "image gc",
                         .summary = "Remove images that no container uses and what interrupted fetches left",
                         .max_args = 0});
}

}  // namespace rkt::cli
