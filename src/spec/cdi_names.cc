// SPDX-License-Identifier: Apache-2.0
#include "spec/cdi_names.h"

#include <algorithm>

#include "base/strings.h"

namespace rktlet::spec {
namespace {

constexpr size_t kMaxVendor = 253;  // a DNS name
constexpr size_t kMaxName = 255;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlphanumeric(char c) { return IsLetter(c) || (c >= '0' && c <= '9'); }

bool IsName(std::string_view text, bool may_begin_with_digit, std::string_view also_inside) {
  if (text.empty() || !(IsLetter(text.front()) || (may_begin_with_digit && IsAlphanumeric(text.front()))) ||
      !IsAlphanumeric(text.back())) {
    return false;
  }
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return IsAlphanumeric(c) || also_inside.find(c) != std::string_view::npos; });
}

absl::Status Wrong(std::string_view text, std::string_view why) {
  constexpr size_t kShown = 300;
  return absl::InvalidArgumentError(
      base::StrCat("\"", text.substr(0, kShown), text.size() > kShown ? "…" : "", "\" ", why));
}

}  // namespace

absl::Status CheckCdiKind(std::string_view kind) {
  const size_t slash = kind.find('/');
  if (slash == std::string_view::npos) {
    return Wrong(kind, "is not of the form vendor.com/class");
  }
  const std::string_view vendor = kind.substr(0, slash);
  const std::string_view device_class = kind.substr(slash + 1);
  if (vendor.size() > kMaxVendor || !IsName(vendor, false, "_-.")) {
    return Wrong(kind, "has no vendor's name (letters, digits, _ - .) in front of its slash");
  }
  if (device_class.size() > kMaxName || !IsName(device_class, false, "_-.")) {
    return Wrong(kind, "has no name of a class (letters, digits, _ - .) behind its slash");
  }
  return absl::OkStatus();
}

absl::Status CheckCdiDevice(std::string_view device) {
  if (device.size() > kMaxName || !IsName(device, true, "_-.:")) {
    return Wrong(device, "is no name of a device (letters, digits, _ - . :)");
  }
  return absl::OkStatus();
}

absl::Status CheckCdiDeviceName(std::string_view qualified) {
  const size_t equals = qualified.find('=');
  if (equals == std::string_view::npos) {
    return Wrong(qualified, "is not of the form vendor.com/class=device");
  }
  RETURN_IF_ERROR(CheckCdiKind(qualified.substr(0, equals)));
  return CheckCdiDevice(qualified.substr(equals + 1));
}

}  // namespace rktlet::spec
