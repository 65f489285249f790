// SPDX-License-Identifier: Apache-2.0
// `rkt image verify`.
#include "rkt/image/verify.h"

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"

namespace rkt::cli {
namespace {

using nlohmann::json;
using rktlet::base::StrCat;

constexpr int kDamageFound = 1;

json ToJson(const image::VerifyReport& report) {
  json images = json::array();
  for (const image::ImageReport& item : report.images) {
    json damage = json::array();
    for (const image::Damage& one : item.damage) {
      damage.push_back({{"part", one.part}, {"digest", one.digest}, {"path", one.path}, {"message", one.what}});
    }
    images.push_back({{"id", item.image.id},
                      {"name", item.image.Name()},
                      {"ok", item.damage.empty()},
                      {"damage", std::move(damage)}});
  }
  return {{"images", std::move(images)}, {"orphans", report.orphans}, {"removed", report.removed}};
}

std::string ToText(const image::VerifyReport& report) {
  std::string text;
  for (const image::ImageReport& item : report.images) {
    text += StrCat(item.damage.empty() ? "ok       " : "damaged  ", item.image.id, " ", item.image.Name(), "\n");
    for (const image::Damage& one : item.damage) {
      text += StrCat("         ", one.part, " ", one.digest, ": ", one.what, "\n");
    }
  }
  for (const std::string& orphan : report.orphans) {
    text += StrCat("orphan   ", orphan, "\n");
  }
  for (const std::string& removed : report.removed) {
    text += StrCat("removed  ", removed, "\n");
  }
  return text;
}

class ImageVerify final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Bool("repair", &options_.repair,
               "Remove orphans, and damaged parts of images without containers: a fetch brings those anew");
    output_.DefineFormat(flags);
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    ASSIGN_OR_RETURN(image::Store store, image::Store::Open(context.flags().dir));
    options_.on_layer = [&](std::string_view digest) { context.Debug(StrCat("layer ", digest)); };
    ASSIGN_OR_RETURN(const image::VerifyReport report, image::Verify(store, positionals.args, options_));
    context.out() = output_.json() ? cli::ToJson(ToJson(report), output_.format) : ToText(report);
    bool damaged = false;
    for (const image::ImageReport& item : report.images) {
      damaged = damaged || !item.damage.empty();
      Advise(context, item, report.removed);
    }
    if (!report.removed.empty()) {
      context.Announce();
    }
    return damaged ? kDamageFound : 0;
  }

 private:
  void Advise(const Context& context, const image::ImageReport& item, const std::vector<std::string>& removed) const {
    if (item.damage.empty()) {
      return;
    }
    if (!options_.repair) {
      context.Note(StrCat(item.image.Name(),
                          " is damaged: --repair takes the damaged parts away, and a fetch brings "
                          "them anew"));
    } else if (std::none_of(item.damage.begin(), item.damage.end(), [&](const image::Damage& damage) {
                 return std::find(removed.begin(), removed.end(), damage.path) != removed.end();
               })) {
      context.Note(StrCat(item.image.Name(), " is in use by a container: nothing of it was removed"));
    } else {
      context.Note(StrCat(item.image.Name(), " has lost its damaged parts: fetch it again"));
    }
  }

  image::VerifyOptions options_;
  OutputFlags output_;
};

}  // namespace

void RegisterImageVerify(Registry& registry) {
  registry.Add<ImageVerify>({.path = "image verify",
                             .arguments = "[IMAGE…]",
                             .summary = "Look for damage in the stored images",
                             .details =
                                 "Every document and archive is compared with its digest, every unpacked layer "
                                 "with its archive. Without IMAGE\nall are, and what no image names is found too. "
                                 "The exit code is 1 when something is damaged."});
}

}  // namespace rkt::cli
