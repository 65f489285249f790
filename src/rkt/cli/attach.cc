// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/strings.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/attach_session.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "unit/supervisor_client.h"

namespace rkt::cli {
namespace {

namespace supervisor = rktlet::spec::supervisor;
using rktlet::base::StrCat;

constexpr uint32_t kAllStreams = supervisor::kStdin | supervisor::kStdout | supervisor::kStderr;

class Attach final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .String("mode", "MODE", &mode_, "auto: all there is; list: print what there is; tty; or stdin,stdout,stderr")
        .String("detach-keys", "KEY,KEY…", &detach_keys_,
                "Keys that detach from a terminal; empty: none do. A character, or ctrl- and one of a-z @ [ \\ ] ^ _");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    ASSIGN_OR_RETURN(const uint32_t wanted, Wanted());
    absl::StatusOr<DetachKeys> keys = DetachKeys::Parse(detach_keys_);
    if (!keys.ok()) {
      return UsageError(StrCat("--detach-keys=", detach_keys_, ": ", std::string(keys.status().message())));
    }
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const AppTarget target, FindAppByPath(layout, positionals.args[0], app_));
    const std::string socket = layout.SupervisorSocket(target.pod);
    absl::StatusOr<rktlet::unit::SupervisorConnection> connection =
        rktlet::unit::OpenSupervisor(socket, supervisor::kAttach, wanted, {target.app.str()});
    if (absl::IsNotFound(connection.status())) {
      return absl::FailedPreconditionError(StrCat("app ", target.app.str(), " has not been started"));
    }
    RETURN_IF_ERROR(connection.status());
    const uint64_t have = connection->reply.value;
    if (mode_ == "list") {
      context.out() = connection->reply.text + "\n";
      std::replace(context.out().begin(), context.out().end(), ' ', '\n');
      return 0;
    }
    if (mode_ == "tty" && (have & supervisor::kTty) == 0) {
      return absl::FailedPreconditionError(StrCat("app ", target.app.str(), " has no terminal"));
    }
    if (mode_ != "auto" && (wanted & supervisor::kStdin) != 0 && (have & supervisor::kStdin) == 0) {
      return absl::FailedPreconditionError(StrCat("app ", target.app.str(), " has no stdin"));
    }
    AttachSession session(*std::move(connection), socket, *std::move(keys));
    RETURN_IF_ERROR(session.Run());
    if (session.detached()) {
      context.Note("detached");
    }
    return 0;
  }

 private:
  absl::StatusOr<uint32_t> Wanted() const {
    if (mode_ == "list") {
      return 0;  // not even for a moment: the end of an attached stdin may end that of the app
    }
    if (mode_ == "auto" || mode_ == "tty") {
      return kAllStreams | supervisor::kTty;
    }
    uint32_t wanted = supervisor::kTty;
    for (size_t begin = 0; begin <= mode_.size();) {
      const size_t end = std::min(mode_.find(',', begin), mode_.size());
      const std::string stream = mode_.substr(begin, end - begin);
      if (stream != "stdin" && stream != "stdout" && stream != "stderr") {
        return UsageError(StrCat("--mode=", mode_, ": not auto, list, tty, or some of stdin,stdout,stderr"));
      }
      wanted |= stream == "stdin" ? supervisor::kStdin : stream == "stdout" ? supervisor::kStdout : supervisor::kStderr;
      begin = end + 1;
    }
    return wanted;
  }

  std::string app_;
  std::string mode_ = "auto";
  std::string detach_keys_ = kDefaultDetachKeys;
};

}  // namespace

void RegisterAttach(Registry& registry) {
  registry.Add<Attach>({.path = "attach",
                        .arguments = "POD[/APP] [--app=NAME]",
                        .summary = "Connect to the standard streams of a running app",
                        .details =
                            "Ends with the app. The end of our stdin detaches nothing; whoever is attached with a "
                            "terminal detaches by ctrl-p ctrl-q, or what --detach-keys says, and the app goes on.",
                        .min_args = 1,
                        .max_args = 1});
}

}  // namespace rkt::cli
