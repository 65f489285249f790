// SPDX-License-Identifier: Apache-2.0
// A seccomp profile: read, written in the OCI form, read again, and compiled.
#include <string>

#include "fuzz_input.h"
#include "rkt/oci/seccomp_filter.h"
#include "rkt/oci/seccomp_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rkt::oci;
  const SeccompFacts facts = {{"CAP_SYS_ADMIN"}, "amd64", "SCMP_ARCH_X86_64", 6, 1};
  const auto parse = [&](const std::string& text) { return ParseSeccompProfile(text, facts); };
  const std::string text(reinterpret_cast<const char*>(data), size);
  rktlet::fuzz::CheckRoundTrip(text, parse, &SeccompToOci);
  if (const auto profile = parse(text); profile.ok()) {
    static_cast<void>(CompileSeccomp(*profile));
  }
  return 0;
}
