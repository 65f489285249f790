// SPDX-License-Identifier: Apache-2.0
#include "systemd/manager.h"

#include "absl/strings/cord.h"
#include "base/strings.h"

namespace rktlet::systemd {
namespace {

constexpr absl::string_view kJobResultPayload = "rktlet/systemd-job-result";

absl::StatusCode CodeOfJobResult(std::string_view result) {
  if (result == "timeout") {
    return absl::StatusCode::kDeadlineExceeded;
  }
  if (result == "canceled") {
    return absl::StatusCode::kAborted;
  }
  if (result == "dependency" || result == "assert" || result == "unsupported") {
    return absl::StatusCode::kFailedPrecondition;
  }
  return absl::StatusCode::kInternal;
}

std::string Details(const UnitFacts& facts) {
  std::string out = base::StrCat("unit is ", facts.active_state, "/", facts.sub_state, ", Result=", facts.result);
  if (const std::string exit = DescribeExit(facts); !exit.empty()) {
    out += ", " + exit;
  } else if (facts.exec_main_pid == 0) {
    out += ", no main process";
  }
  if (facts.status_errno != 0) {
    out += base::StrCat(", errno ", facts.status_errno);
  }
  if (!facts.status_text.empty()) {
    out += base::StrCat(", it says: ", facts.status_text);
  }
  return out;
}

}  // namespace

std::string_view ToString(KillWho who) {
  switch (who) {
    case KillWho::kMain:
      return "main";
    case KillWho::kControl:
      return "control";
    case KillWho::kAll:
      break;
  }
  return "all";
}

absl::Status JobFailure(std::string_view verb, const UnitName& unit, std::string_view job_result,
                        const UnitFacts* facts) {
  absl::Status status(CodeOfJobResult(job_result),
                      base::StrCat(verb, " of unit ", unit.str(), ": job ended with \"", job_result,
                                   "\": ", facts != nullptr ? Details(*facts) : std::string("the unit is gone")));
  status.SetPayload(kJobResultPayload, absl::Cord(base::ToAbsl(job_result)));
  return status;
}

std::string JobResultOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kJobResultPayload);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace rktlet::systemd
