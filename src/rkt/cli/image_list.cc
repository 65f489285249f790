// SPDX-License-Identifier: Apache-2.0
// `rkt image list`.
#include <algorithm>

#include "base/clock.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/image/store.h"

namespace rkt::cli {
namespace {

using image::ImageRecord;

bool Less(const ImageRecord& a, const ImageRecord& b, const std::string& key) {
  if (key == "name") {
    return a.Name() < b.Name();
  }
  if (key == "id") {
    return a.id < b.id;
  }
  if (key == "size") {
    return a.size < b.size;
  }
  return key == "lastused" ? a.last_used_time < b.last_used_time : a.import_time < b.import_time;
}

class ImageList final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    output_.Define(flags);
    flags.Custom({.name = "sort",
                  .placeholder = "KEY[,KEY]",
                  .help = "By importtime (default), lastused, name, size or id",
                  .set = [this](const std::string& value) { return SetSort(value); }});
    flags.Custom({.name = "order",
                  .placeholder = "asc|desc",
                  .help = "Ascending (default) or descending",
                  .set = [this](const std::string& value) -> absl::Status {
                    if (value != "asc" && value != "desc") {
                      return absl::InvalidArgumentError("not one of asc, desc");
                    }
                    descending_ = value == "desc";
                    return absl::OkStatus();
                  }});
  }

  absl::StatusOr<int> Run(Context& context, const Positionals&) override {
    ASSIGN_OR_RETURN(const image::Store store, image::Store::Open(context.flags().dir));
    ASSIGN_OR_RETURN(std::vector<ImageRecord> images, store.List());
    for (auto key = sort_.rbegin(); key != sort_.rend(); ++key) {
      std::stable_sort(images.begin(), images.end(), [&](const ImageRecord& a, const ImageRecord& b) {
        return descending_ ? Less(b, a, *key) : Less(a, b, *key);
      });
    }
    if (output_.json()) {
      nlohmann::json list = nlohmann::json::array();
      for (const ImageRecord& image : images) {
        list.push_back(image::ToPublicJson(image));
      }
      context.out() = ToJson(list, output_.format);
      return 0;
    }
    const int64_t now = rktlet::base::SystemClock().RealtimeNanos();
    const auto time = [&](int64_t nanos) { return output_.full ? AbsoluteTime(nanos) : RelativeTime(now, nanos); };
    Table table({"ID", "NAME", "SIZE", "IMPORT TIME", "LAST USED"});
    for (const ImageRecord& image : images) {
      table.AddRow({output_.full ? image.id : image.id.substr(0, 19), image.Name(),
                    output_.full ? std::to_string(image.size) : HumanSize(image.size), time(image.import_time),
                    time(image.last_used_time)});
    }
    context.out() = table.Render(output_.no_legend);
    return 0;
  }

 private:
  absl::Status SetSort(const std::string& list) {
    sort_.clear();
    size_t start = 0;
    while (start <= list.size()) {
      const size_t comma = std::min(list.find(',', start), list.size());
      const std::string key = list.substr(start, comma - start);
      if (key != "importtime" && key != "lastused" && key != "name" && key != "size" && key != "id") {
        return absl::InvalidArgumentError(rktlet::base::StrCat("unknown key \"", key, "\""));
      }
      sort_.push_back(key);
      start = comma + 1;
    }
    return absl::OkStatus();
  }

  OutputFlags output_;
  std::vector<std::string> sort_ = {"importtime"};
  bool descending_ = false;
};

}  // namespace

void RegisterImageList(Registry& registry) {
  registry.Add<ImageList>({.path = "image list", .summary = "List the stored images", .max_args = 0});
}

}  // namespace rkt::cli
