// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/log_journal.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "spec/log_journal.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;

bool IsLimit(std::string_view text) {
  const size_t space = text.find(' ');
  const auto number = [](std::string_view digits) {
    return !digits.empty() && digits.size() < 16 &&
           std::all_of(digits.begin(), digits.end(), [](char digit) { return digit >= '0' && digit <= '9'; });
  };
  return space != std::string_view::npos && number(text.substr(0, space)) && number(text.substr(space + 1));
}

}  // namespace

absl::StatusOr<std::string> JournalDescription(const rktlet::spec::PodSpec& pod,
                                               const rktlet::spec::ContainerSpec& container) {
  const auto limit = container.rkt_annotations.find(rktlet::spec::kLogJournalAnnotation);
  if (limit == container.rkt_annotations.end()) {
    return "";
  }
  if (!IsLimit(limit->second)) {
    return absl::InvalidArgumentError(StrCat("annotation ", rktlet::spec::kLogJournalAnnotation, ": \"", limit->second,
                                             "\" is not \"BURST INTERVAL\""));
  }
  const std::string name = container.name.empty() ? container.app.str() : container.name;
  std::string description = limit->second + "\n";
  // The pod's unit bears the pod's fields, and the journal adds them by itself.
  const std::pair<const char*, const std::string&> fields[] = {{"SYSLOG_IDENTIFIER", name},
                                                               {"K8S_CONTAINER", name},
                                                               {"CONTAINER_ID", container.id.str()},
                                                               {"POD_ID", pod.id.str()}};
  for (const auto& [field, value] : fields) {
    if (!value.empty() && value.find('\n') == std::string::npos) {
      description += StrCat(field, "=", value, "\n");
    }
  }
  return description;
}

}  // namespace rkt::oci
