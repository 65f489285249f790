// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"

namespace rkt::cli {
namespace {

class Version final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { output_.DefineFormat(flags); }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    static_cast<void>(positionals);
    static const std::vector<std::string> kFeatures = {"APP", "CNI", "OCI", "SYSTEMD", "SECCOMP"};
    if (output_.json()) {
      context.out() =
          ToJson({{"version", RKT_VERSION}, {"compiler", kCompiler}, {"features", kFeatures}}, output_.format);
      return 0;
    }
    std::string features;
    for (const std::string& feature : kFeatures) {
      features += rktlet::base::StrCat(features.empty() ? "" : " ", "+", feature);
    }
    context.out() =
        rktlet::base::StrCat("rkt Version: ", RKT_VERSION, "\nCompiler: ", kCompiler, "\nFeatures: ", features, "\n");
    return 0;
  }

 private:
  static constexpr char kCompiler[] = "g++ " __VERSION__;
  OutputFlags output_;
};

}  // namespace

void RegisterVersion(Registry& registry) {
  registry.Add<Version>({.path = "version", .arguments = "", .summary = "Print the version", .max_args = 0});
}

}  // namespace rkt::cli
