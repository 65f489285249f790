// SPDX-License-Identifier: Apache-2.0
#include "systemd/unit_facts.h"

#include <cstring>
#include <functional>
#include <type_traits>

#include "base/strings.h"

namespace rktlet::systemd {
namespace {

using Setter = std::function<void(const FactValue&, UnitFacts&)>;

// A member takes a number of any width, for systemd's types differ from ours (MainPID is "u", ExecMainCode "i").
template <typename Member>
Setter Into(Member UnitFacts::*member) {
  return [member](const FactValue& value, UnitFacts& facts) {
    std::visit(
        [&](const auto& typed) {
          using Value = std::decay_t<decltype(typed)>;
          constexpr bool kBothText = std::is_same_v<Value, std::string> && std::is_same_v<Member, std::string>;
          constexpr bool kBothBool = std::is_same_v<Value, bool> && std::is_same_v<Member, bool>;
          constexpr bool kBothNumber =
              std::is_integral_v<Value> && !std::is_same_v<Value, bool> &&
              (std::is_integral_v<Member> || std::is_enum_v<Member>)&&!std::is_same_v<Member, bool>;
          if constexpr (kBothText || kBothBool) {
            facts.*member = typed;
          } else if constexpr (kBothNumber) {
            facts.*member = static_cast<Member>(typed);
          }
        },
        value);
  };
}

void SetInvocationId(const FactValue& value, UnitFacts& facts) {
  const auto* bytes = std::get_if<std::string>(&value);
  if (bytes == nullptr || bytes->find_first_not_of('\0') == std::string::npos) {
    return;  // all zero or empty: never started
  }
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  facts.invocation_id.clear();
  for (const char c : *bytes) {
    const auto byte = static_cast<unsigned char>(c);
    facts.invocation_id += kHexDigits[byte >> 4];
    facts.invocation_id += kHexDigits[byte & 0xf];
  }
}

const std::map<std::string, Setter, std::less<>>& Setters() {
  static const auto* const kSetters = new std::map<std::string, Setter, std::less<>>{
      {"LoadState", Into(&UnitFacts::load_state)},
      {"ActiveState", Into(&UnitFacts::active_state)},
      {"SubState", Into(&UnitFacts::sub_state)},
      {"Description", Into(&UnitFacts::description)},
      {"Slice", Into(&UnitFacts::slice)},
      {"ControlGroup", Into(&UnitFacts::control_group)},
      {"InvocationID", SetInvocationId},
      {"Result", Into(&UnitFacts::result)},
      {"StatusText", Into(&UnitFacts::status_text)},
      {"StatusErrno", Into(&UnitFacts::status_errno)},
      {"MainPID", Into(&UnitFacts::main_pid)},
      {"ExecMainPID", Into(&UnitFacts::exec_main_pid)},
      {"ExecMainCode", Into(&UnitFacts::exec_main_code)},
      {"ExecMainStatus", Into(&UnitFacts::exec_main_status)},
      {"ExecMainStartTimestamp", Into(&UnitFacts::exec_main_start_timestamp_usec)},
      {"ExecMainStartTimestampMonotonic", Into(&UnitFacts::exec_main_start_timestamp_monotonic_usec)},
      {"ExecMainExitTimestamp", Into(&UnitFacts::exec_main_exit_timestamp_usec)},
      {"ExecMainExitTimestampMonotonic", Into(&UnitFacts::exec_main_exit_timestamp_monotonic_usec)},
      {"ActiveEnterTimestamp", Into(&UnitFacts::active_enter_timestamp_usec)},
      {"InactiveEnterTimestamp", Into(&UnitFacts::inactive_enter_timestamp_usec)},
      {"FragmentPath", Into(&UnitFacts::fragment_path)},
      {"Job", Into(&UnitFacts::job_id)},
      {"Transient", Into(&UnitFacts::transient)},
  };
  return *kSetters;
}

}  // namespace

bool IsFact(std::string_view property) { return Setters().contains(property); }

void ApplyFacts(const FactMap& properties, UnitFacts& facts) {
  for (const auto& [name, value] : properties) {
    if (const auto setter = Setters().find(name); setter != Setters().end()) {
      setter->second(value, facts);
    }
  }
}

std::string DescribeExit(const UnitFacts& facts) {
  const auto signal_name = [&facts] {
    const char* name = sigabbrev_np(facts.exec_main_status);
    return base::StrCat("signal ", facts.exec_main_status, " (", name != nullptr ? name : "unknown", ")");
  };
  switch (facts.exec_main_code) {
    case ExitCode::kExited:
      return base::StrCat("main process exited with ", facts.exec_main_status);
    case ExitCode::kKilled:
      return base::StrCat("main process killed by ", signal_name());
    case ExitCode::kDumped:
      return base::StrCat("main process dumped core on ", signal_name());
    case ExitCode::kNone:
      break;
  }
  return "";
}

}  // namespace rktlet::systemd
