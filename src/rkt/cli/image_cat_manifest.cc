// SPDX-License-Identifier: Apache-2.0
// `rkt image cat-manifest`: the OCI manifest, or with --config the configuration.
#include "nlohmann/json.hpp"
#include "rkt/cli/commands.h"
#include "rkt/image/store.h"

namespace rkt::cli {
namespace {

class ImageCatManifest final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Bool("pretty-print", &pretty_print_, "Indent the document (true)");
    flags.Bool("config", &config_, "The image's configuration instead of its manifest");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    ASSIGN_OR_RETURN(const image::Store store, image::Store::Open(context.flags().dir));
    ASSIGN_OR_RETURN(const image::ImageRecord record, store.Find(positionals.args.front()));
    ASSIGN_OR_RETURN(std::string text, config_ ? store.RawConfig(record.id) : store.Manifest(record.id));
    if (!pretty_print_) {
      context.out() = text + "\n";
      return 0;
    }
    try {
      context.out() = nlohmann::ordered_json::parse(text).dump(2) + "\n";
    } catch (const nlohmann::json::exception& error) {
      return absl::DataLossError(error.what());
    }
    return 0;
  }

 private:
  bool pretty_print_ = true;
  bool config_ = false;
};

}  // namespace

void RegisterImageCatManifest(Registry& registry) {
  registry.Add<ImageCatManifest>({.path = "image cat-manifest",
                                  .arguments = "IMAGE",
                                  .summary = "Print the manifest of an image",
                                  .min_args = 1,
                                  .max_args = 1});
}

}  // namespace rkt::cli
