// SPDX-License-Identifier: Apache-2.0
// rktlet.yaml. A configuration that was taken is written by --dump-config, and that is taken again.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "fuzz_input.h"
#include "rktlet/config/load.h"
#include "rktlet/config/options.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rktlet;
  static const int file = ::memfd_create("rktlet.yaml", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  const auto load = [](const std::string& text) {
    fuzz::Check(::ftruncate(file, 0) == 0 && ::pwrite(file, text.data(), text.size(), 0) == std::ssize(text),
                "the file is written");
    return config::Load(path, true);
  };
  fuzz::CheckRoundTrip(std::string(reinterpret_cast<const char*>(data), size), load, config::Dump);
  return 0;
}
