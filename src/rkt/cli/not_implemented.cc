// SPDX-License-Identifier: Apache-2.0
// Commands of the original that exist in the interface and answer that they are not there yet.
#include "rkt/cli/commands.h"

namespace rkt::cli {
namespace {

class NotImplemented final : public Command {
 public:
  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    static_cast<void>(context);
    static_cast<void>(positionals);
    return absl::UnimplementedError("not implemented yet");
  }
};

// Takes any arguments: whatever was asked for, the answer is the same sentence.
void AddNotImplemented(Registry& registry, std::string_view path, std::string_view arguments,
                       std::string_view summary) {
  registry.Add<NotImplemented>({.path = std::string(path),
                                .arguments = std::string(arguments),
                                .summary = std::string(summary) + " (not implemented yet)",
                                .any_flags = true});
}

}  // namespace

void RegisterNotImplemented(Registry& registry) {
  AddNotImplemented(registry, "run", "IMAGE…", "Run a pod of apps in one step");
  AddNotImplemented(registry, "enter", "POD [CMD…]", "Open a shell in an app");
  AddNotImplemented(registry, "cat-manifest", "POD", "Print the manifest of a pod");
  AddNotImplemented(registry, "image export", "IMAGE FILE", "Write an image to an archive");
  AddNotImplemented(registry, "image verify", "[IMAGE…]", "Check the stored images for damage");
}

}  // namespace rkt::cli
