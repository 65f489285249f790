// SPDX-License-Identifier: Apache-2.0
// What a registry says of an image: manifest and configuration; the store's own list of images, and the names that
// people and kubelets write.
#include <string>

#include "fuzz_input.h"
#include "rkt/image/image_record.h"
#include "rkt/image/source.h"
#include "spec/image_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rkt::image;
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(ParseImageConfig(text));
  static_cast<void>(ParseImageManifest(text));
  static_cast<void>(ParseSource(text));
  rktlet::fuzz::CheckRoundTrip(text, &ParseRecords, &SerializeRecords);
  rktlet::fuzz::CheckRoundTrip(
      text, [](const std::string& name) { return rktlet::spec::ImageReference::Parse(name); },
      [](const rktlet::spec::ImageReference& reference) { return reference.Name(); });
  return 0;
}
