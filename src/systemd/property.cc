// SPDX-License-Identifier: Apache-2.0
#include "systemd/property.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <type_traits>

#include "base/strings.h"

namespace rktlet::systemd {
namespace {

constexpr size_t kMaxCpus = 8192;  // CPU_SETSIZE is smaller, NR_CPUS of distribution kernels is not larger
constexpr std::string_view kHexDigits = "0123456789abcdef";

struct NameAndSignature {
  std::string_view name;
  std::string_view signature;
};

// org.freedesktop.systemd1(5), as bus_service_set_property() and its siblings of systemd 252 take them. Sorted.
constexpr auto kSignatures = std::to_array<NameAndSignature>({
    {"AddRef", "b"},
    {"After", "as"},
    {"AllowedCPUs", "ay"},
    {"AllowedMemoryNodes", "ay"},
    {"Before", "as"},
    {"BindsTo", "as"},
    {"BlockIOAccounting", "b"},
    {"CPUAccounting", "b"},
    {"CPUQuotaPerSecUSec", "t"},
    {"CPUQuotaPeriodUSec", "t"},
    {"CPUShares", "t"},
    {"CPUWeight", "t"},
    {"CollectMode", "s"},
    {"Conflicts", "as"},
    {"DefaultDependencies", "b"},
    {"Delegate", "b"},
    {"Description", "s"},
    {"DeviceAllow", "a(ss)"},
    {"DevicePolicy", "s"},
    {"Documentation", "as"},
    {"Environment", "as"},
    {"ExecReload", "a(sasb)"},
    {"ExecStart", "a(sasb)"},
    {"ExecStartPost", "a(sasb)"},
    {"ExecStartPre", "a(sasb)"},
    {"ExecStop", "a(sasb)"},
    {"ExecStopPost", "a(sasb)"},
    {"FileDescriptorStoreMax", "u"},
    {"FinalKillSignal", "i"},
    {"Group", "s"},
    {"GuessMainPID", "b"},
    {"IOAccounting", "b"},
    {"IODeviceLatencyTargetUSec", "a(st)"},
    {"IODeviceWeight", "a(st)"},
    {"IOReadBandwidthMax", "a(st)"},
    {"IOReadIOPSMax", "a(st)"},
    {"IOWeight", "t"},
    {"IOWriteBandwidthMax", "a(st)"},
    {"IOWriteIOPSMax", "a(st)"},
    {"IgnoreSIGPIPE", "b"},
    {"KeyringMode", "s"},
    {"KillMode", "s"},
    {"KillSignal", "i"},
    {"LimitAS", "t"},
    {"LimitASSoft", "t"},
    {"LimitCORE", "t"},
    {"LimitCORESoft", "t"},
    {"LimitCPU", "t"},
    {"LimitCPUSoft", "t"},
    {"LimitDATA", "t"},
    {"LimitDATASoft", "t"},
    {"LimitFSIZE", "t"},
    {"LimitFSIZESoft", "t"},
    {"LimitLOCKS", "t"},
    {"LimitLOCKSSoft", "t"},
    {"LimitMEMLOCK", "t"},
    {"LimitMEMLOCKSoft", "t"},
    {"LimitMSGQUEUE", "t"},
    {"LimitMSGQUEUESoft", "t"},
    {"LimitNICE", "t"},
    {"LimitNICESoft", "t"},
    {"LimitNOFILE", "t"},
    {"LimitNOFILESoft", "t"},
    {"LimitNPROC", "t"},
    {"LimitNPROCSoft", "t"},
    {"LimitRSS", "t"},
    {"LimitRSSSoft", "t"},
    {"LimitRTPRIO", "t"},
    {"LimitRTPRIOSoft", "t"},
    {"LimitRTTIME", "t"},
    {"LimitRTTIMESoft", "t"},
    {"LimitSIGPENDING", "t"},
    {"LimitSIGPENDINGSoft", "t"},
    {"LimitSTACK", "t"},
    {"LimitSTACKSoft", "t"},
    {"LogExtraFields", "aay"},
    {"ManagedOOMMemoryPressure", "s"},
    {"ManagedOOMSwap", "s"},
    {"MemoryAccounting", "b"},
    {"MemoryHigh", "t"},
    {"MemoryLimit", "t"},
    {"MemoryLow", "t"},
    {"MemoryMax", "t"},
    {"MemoryMin", "t"},
    {"MemorySwapMax", "t"},
    {"Nice", "i"},
    {"NoNewPrivileges", "b"},
    {"NotifyAccess", "s"},
    {"OOMPolicy", "s"},
    {"OOMScoreAdjust", "i"},
    {"OnFailure", "as"},
    {"OnSuccess", "as"},
    {"PIDFile", "s"},
    {"PartOf", "as"},
    {"PrivateTmp", "b"},
    {"RemainAfterExit", "b"},
    {"Requires", "as"},
    {"RequiresMountsFor", "as"},
    {"Restart", "s"},
    {"RestartKillSignal", "i"},
    {"RestartUSec", "t"},
    {"RootDirectory", "s"},
    {"RuntimeMaxUSec", "t"},
    {"SendSIGHUP", "b"},
    {"SendSIGKILL", "b"},
    {"Slice", "s"},
    {"StandardError", "s"},
    {"StandardInput", "s"},
    {"StandardOutput", "s"},
    {"StartLimitBurst", "u"},
    {"StartLimitIntervalUSec", "t"},
    {"StartupAllowedCPUs", "ay"},
    {"StartupCPUWeight", "t"},
    {"SyslogIdentifier", "s"},
    {"TasksAccounting", "b"},
    {"TasksMax", "t"},
    {"TimeoutAbortUSec", "t"},
    {"TimeoutStartUSec", "t"},
    {"TimeoutStopUSec", "t"},
    {"Type", "s"},
    {"UMask", "u"},
    {"UnsetEnvironment", "as"},
    {"User", "s"},
    {"Wants", "as"},
    {"WatchdogSignal", "i"},
    {"WatchdogUSec", "t"},
    {"WorkingDirectory", "s"},
});
static_assert(std::is_sorted(kSignatures.begin(), kSignatures.end(),
                             [](const auto& left, const auto& right) { return left.name < right.name; }));

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 0xf];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string ToText(bool value) { return value ? "true" : "false"; }
std::string ToText(const std::string& value) { return Quote(value); }
template <typename T>
requires std::is_integral_v<T> std::string ToText(T value) {
  if constexpr (std::is_same_v<T, uint64_t>) {
    if (value == kInfinity) {
      return "infinity";
    }
  }
  return std::to_string(value);
}
std::string ToText(const Bytes& value) {
  std::string out = "0x";
  for (const uint8_t byte : value) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 0xf];
  }
  return out;
}
template <typename T>
std::string ToText(const std::pair<std::string, T>& value) {
  return base::StrCat("(", Quote(value.first), ", ", ToText(value.second), ")");
}
std::string ToText(const ExecCommand& value);
template <typename T>
requires(!std::is_same_v<T, uint8_t>) std::string ToText(const std::vector<T>& items) {
  std::string out = "[";
  for (const T& item : items) {
    out += out.size() > 1 ? ", " : "";
    if constexpr (std::is_same_v<T, Bytes>) {
      out += Quote({reinterpret_cast<const char*>(item.data()), item.size()});
    } else {
      out += ToText(item);
    }
  }
  return out + "]";
}
std::string ToText(const ExecCommand& value) {
  return base::StrCat("{ path=", Quote(value.path), " argv=", ToText(value.argv),
                      value.ignore_failure ? " ignore_failure" : "", " }");
}

// sd-bus takes valid UTF-8 without NUL only (the D-Bus specification, "Valid strings").
bool IsValidUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead == 0) {
      return false;
    }
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) {
      return false;
    }
    uint32_t code = lead & (0xff >> (length + 1));
    for (size_t j = 1; j < length; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      if ((next & 0xc0) != 0x80) {
        return false;
      }
      code = code << 6 | (next & 0x3f);
    }
    constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      return false;
    }
    i += length;
  }
  return true;
}

bool TextIsValid(const std::string& text) { return IsValidUtf8(text); }
bool TextIsValid(const ExecCommand& command) {
  return IsValidUtf8(command.path) && std::all_of(command.argv.begin(), command.argv.end(), IsValidUtf8);
}
template <typename T>
bool TextIsValid(const std::pair<std::string, T>& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return IsValidUtf8(value.first) && IsValidUtf8(value.second);
  }
  return IsValidUtf8(value.first);
}
template <typename T>
requires(std::is_integral_v<T> || std::is_same_v<T, Bytes>) bool TextIsValid(const T&) { return true; }
template <typename T>
requires(!std::is_same_v<T, uint8_t>) bool TextIsValid(const std::vector<T>& items) {
  return std::all_of(items.begin(), items.end(), [](const T& item) { return TextIsValid(item); });
}

absl::StatusOr<size_t> ParseCpu(std::string_view text) {
  size_t cpu = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpu);
  if (error != std::errc() || end != text.data() + text.size() || cpu >= kMaxCpus) {
    return absl::InvalidArgumentError(base::StrCat("\"", text, "\" is no number below ", kMaxCpus));
  }
  return cpu;
}

}  // namespace

std::string_view SignatureOf(const PropertyValue& value) {
  constexpr std::array<std::string_view, std::variant_size_v<PropertyValue>> kByIndex = {
      "b", "i", "u", "x", "t", "s", "as", "ay", "aay", "a(sasb)", "a(ss)", "a(st)"};
  return kByIndex[value.index()];
}

std::string_view ExpectedSignature(std::string_view name) {
  const auto found =
      std::lower_bound(kSignatures.begin(), kSignatures.end(), name,
                       [](const NameAndSignature& entry, std::string_view key) { return entry.name < key; });
  return found != kSignatures.end() && found->name == name ? found->signature : std::string_view();
}

absl::Status CheckProperty(const Property& property) {
  const auto is_identifier = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (property.name.empty() || !std::all_of(property.name.begin(), property.name.end(), is_identifier)) {
    return absl::InvalidArgumentError(base::StrCat("\"", property.name, "\" is no property name"));
  }
  const std::string_view expected = ExpectedSignature(property.name);
  if (!expected.empty() && expected != SignatureOf(property.value)) {
    return absl::InvalidArgumentError(
        base::StrCat("has type \"", SignatureOf(property.value), "\", systemd expects \"", expected, "\""));
  }
  if (!std::visit([](const auto& value) { return TextIsValid(value); }, property.value)) {
    return absl::InvalidArgumentError("is not valid UTF-8 without NUL, which the bus requires");
  }
  if (const auto* commands = std::get_if<std::vector<ExecCommand>>(&property.value); commands != nullptr) {
    for (const ExecCommand& command : *commands) {
      if (!command.path.starts_with('/')) {
        return absl::InvalidArgumentError(base::StrCat("\"", command.path, "\" is no absolute path"));
      }
      if (command.argv.empty()) {
        return absl::InvalidArgumentError(base::StrCat("command ", command.path, " has no argv[0]"));
      }
    }
  }
  return absl::OkStatus();
}

std::string ToText(const Property& property) {
  return base::StrCat(property.name, " ", SignatureOf(property.value), " ",
                      std::visit([](const auto& value) { return ToText(value); }, property.value));
}

absl::StatusOr<Bytes> CpuSetBytes(std::string_view list) {
  Bytes mask;
  if (list.empty()) {
    return mask;
  }
  while (true) {
    const size_t comma = list.find(',');
    const std::string_view range = list.substr(0, comma);
    const size_t dash = range.find('-');
    ASSIGN_OR_RETURN(const size_t first, ParseCpu(range.substr(0, dash)));
    size_t last = first;
    if (dash != std::string_view::npos) {
      ASSIGN_OR_RETURN(last, ParseCpu(range.substr(dash + 1)));
    }
    if (last < first) {
      return absl::InvalidArgumentError(base::StrCat("range \"", range, "\" is backwards"));
    }
    mask.resize(std::max(mask.size(), last / 8 + 1));
    for (size_t cpu = first; cpu <= last; ++cpu) {
      mask[cpu / 8] |= static_cast<uint8_t>(1U << (cpu % 8));
    }
    if (comma == std::string_view::npos) {
      return mask;
    }
    list.remove_prefix(comma + 1);
  }
}

std::string CpuSetList(const Bytes& mask) {
  const auto is_set = [&mask](size_t cpu) { return cpu / 8 < mask.size() && (mask[cpu / 8] >> (cpu % 8) & 1) != 0; };
  std::string out;
  for (size_t cpu = 0; cpu < mask.size() * 8; ++cpu) {
    if (!is_set(cpu)) {
      continue;
    }
    const size_t first = cpu;
    while (is_set(cpu + 1)) {
      ++cpu;
    }
    out += out.empty() ? "" : ",";
    out += std::to_string(first);
    if (cpu > first) {
      out += "-" + std::to_string(cpu);
    }
  }
  return out;
}

Bytes ToBytes(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace rktlet::systemd
