// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/run_flags.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;
namespace spec = rktlet::spec;

constexpr char kEndOfArguments[] = "---";

// "NAME" of a volume's "NAME,kind=…".
std::string VolumeName(const std::string& volume) { return volume.substr(0, volume.find(',')); }

}  // namespace

std::string ExpandPort(const std::string& text) {
  const std::string name = text.substr(0, text.find(':'));
  const size_t dash = name.find_first_of("-/");
  const std::string rest = text.substr(std::min(name.size() + 1, text.size()));
  if (dash == std::string::npos || dash == 0 || rest.empty() ||
      name.substr(0, dash).find_first_not_of("0123456789") != std::string::npos) {
    return text;
  }
  return StrCat(name, ":", name.substr(dash + 1), ":", name.substr(0, dash), ":", rest);
}

void RunFlags::Define(FlagSet& flags) {
  FlagSet of_pod;
  pod_.Define(of_pod);
  for (const Flag& flag : of_pod.flags()) {
    if (flag.name != "config") {  // a pod of apps has more than one document: app sandbox and app add take them
      flags.Custom(flag);
    }
  }
  flags.List("volume", "NAME,kind=host|empty|image[,source=PATH|IMAGE][,readOnly=true]", &volumes_,
             "Volume of the pod, repeatable");
  flags.List("mount", "volume=NAME,target=PATH", &mounts_, "Where every app has a volume, repeatable");
  flags.List("environment", "K=V", &environment_, "Environment variable of every app, repeatable");
}

absl::Status RunFlags::ParseApp(const std::vector<std::string>& args, size_t* index) {
  apps_.push_back(std::make_unique<RunApp>());
  RunApp& app = *apps_.back();
  app.image = args[(*index)++];
  FlagSet flags;
  app.flags.Define(flags);
  flags.List("mount", "", &app.mounts, "");
  FlagSet of_pod;
  Define(of_pod);
  while (*index < args.size()) {
    const std::string& arg = args[*index];
    if (arg == "--") {
      ++*index;
      while (*index < args.size() && args[*index] != kEndOfArguments) {
        app.arguments.push_back(args[(*index)++]);
      }
      *index += *index < args.size() ? 1 : 0;
      return absl::OkStatus();
    }
    if (arg == kEndOfArguments) {
      return UsageError("--- without -- before it");
    }
    if (arg.size() < 2 || arg.front() != '-') {
      return absl::OkStatus();
    }
    absl::Status status = flags.ParseOne(args, index);
    if (absl::IsNotFound(status)) {
      const std::string name = arg.substr(0, arg.find('='));
      const bool pods =
          absl::StartsWith(name, "--") && of_pod.ParseOne(args, index).code() != absl::StatusCode::kNotFound;
      return UsageError(pods ? StrCat(name, " is a flag of the pod: it stands before the first image")
                             : std::string(status.message()));
    }
    RETURN_IF_ERROR(status);
    if (flags.help_requested()) {
      return UsageError("--help stands before the first image");
    }
  }
  return absl::OkStatus();
}

absl::Status RunFlags::ParseApps(const Positionals& positionals) {
  std::vector<std::string> args = positionals.args;
  if (positionals.had_dashes) {
    args.insert(args.begin() + static_cast<ptrdiff_t>(positionals.before_dashes), "--");
  }
  size_t index = 0;
  while (index < args.size()) {
    RETURN_IF_ERROR(ParseApp(args, &index));
  }
  return absl::OkStatus();
}

absl::StatusOr<spec::PodSpec> RunFlags::PodSpecOf(const Context& context) const {
  PodFlags flags = pod_;
  std::transform(flags.ports.begin(), flags.ports.end(), flags.ports.begin(), ExpandPort);
  return flags.ToSpec(context);
}

absl::StatusOr<spec::Mount> RunFlags::MountOf(const std::string& text, std::vector<std::string>* used) const {
  std::string name;
  std::vector<std::string> rest;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ','))) {
    if (absl::StartsWith(part, "volume=")) {
      name = part.substr(part.find('=') + 1);
    } else {
      rest.push_back(part);
    }
  }
  const auto volume = std::find_if(volumes_.begin(), volumes_.end(),
                                   [&](const std::string& candidate) { return VolumeName(candidate) == name; });
  if (volume == volumes_.end()) {
    return UsageError(StrCat("--mount=", text, ": there is no --volume=", name));
  }
  used->push_back(name);
  const absl::StatusOr<spec::Mount> mount = ParseVolume(StrCat("name=", *volume, ",", absl::StrJoin(rest, ",")));
  if (!mount.ok()) {
    return UsageError(StrCat("--volume=", *volume, " --mount=", text, ": ", mount.status().message()));
  }
  return mount;
}

absl::StatusOr<std::vector<spec::ContainerSpec>> RunFlags::ContainerSpecs(const Context& context) const {
  std::vector<spec::ContainerSpec> specs;
  std::set<std::string> names;
  std::vector<std::string> used;
  for (const auto& app : apps_) {
    ASSIGN_OR_RETURN(spec::ContainerSpec container, app->flags.ToSpec(context, app->image, app->arguments));
    if (!names.insert(container.app.str()).second) {
      return UsageError(StrCat("two apps are called ", container.app.str(), ": --name= tells them apart"));
    }
    std::vector<spec::EnvironmentVariable> environment;
    for (const std::string& variable : environment_) {
      const auto pair = ParseKeyValue(variable);
      if (!pair.ok()) {
        return UsageError("--environment: a variable is not of the form NAME=VALUE");  // its value may be a secret
      }
      environment.push_back({pair->first, pair->second});
    }
    container.environment.insert(container.environment.begin(), environment.begin(), environment.end());
    std::vector<std::string> mounts = mounts_;
    mounts.insert(mounts.end(), app->mounts.begin(), app->mounts.end());
    for (const std::string& mount : mounts) {
      ASSIGN_OR_RETURN(spec::Mount parsed, MountOf(mount, &used));
      container.mounts.push_back(std::move(parsed));
    }
    ASSIGN_OR_RETURN(const auto user_namespace, pod_.UserNamespace());
    RETURN_IF_ERROR(app->flags.MapVolumes(user_namespace, container));
    specs.push_back(std::move(container));
  }
  for (const std::string& volume : volumes_) {
    const std::string name = VolumeName(volume);
    if (std::find(used.begin(), used.end(), name) == used.end()) {
      return UsageError(
          StrCat("--volume=", name, " is mounted nowhere: --mount=volume=", name, ",target=PATH says where"));
    }
  }
  return specs;
}

}  // namespace rkt::cli
