// SPDX-License-Identifier: Apache-2.0
// An image's user, passwd and group, which zeros separate; the same user as `rkt app exec --user=` takes it.
#include <string>

#include "fuzz_input.h"
#include "rkt/oci/user.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rktlet::fuzz::Parts parts(data, size);
  const std::string user = parts.Next();
  const std::string passwd = parts.Next();
  const std::string group = parts.Rest();
  const auto read = [&](const std::string& path) -> absl::StatusOr<std::string> {
    if (path == "/etc/passwd") {
      return passwd;
    }
    rktlet::fuzz::Check(path == "/etc/group", "no other file is read");
    return group;
  };
  rktlet::spec::ContainerSecurity security;
  static_cast<void>(rkt::oci::ResolveUser(security, user, read));
  static_cast<void>(rkt::oci::ResolveUserText(user, read));
  security.run_as_username = user;
  security.supplemental_groups = {7};
  const auto named = rkt::oci::ResolveUser(security, "", read);
  if (named.ok() && !user.empty()) {
    rktlet::fuzz::Check(passwd.find(user) != std::string::npos || named->uid == std::strtoul(user.c_str(), nullptr, 10),
                        "a user is a number, or has an entry");
  }
  return 0;
}
