// SPDX-License-Identifier: Apache-2.0
// The documents of --config and the records in the directories of pods and containers. The first byte tells which.
#include <string>

#include "fuzz_input.h"
#include "spec/container_spec.h"
#include "spec/pod_spec.h"
#include "spec/records.h"
#include "spec/resource_documents.h"

namespace {

using namespace rktlet;

// What is taken from outside is checked as well; both must be able to bear anything.
template <typename Document>
void TryDocument(const std::string& text, absl::StatusOr<Document> (*parse)(const std::string&)) {
  fuzz::CheckRoundTrip(text, parse, [](const Document& document) {
    static_cast<void>(spec::Validate(document));
    return spec::ToJson(document);
  });
}

template <typename Record>
void TryRecord(const std::string& text, absl::StatusOr<Record> (*parse)(const std::string&)) {
  fuzz::CheckRoundTrip(text, parse, [](const Record& record) { return spec::ToJson(record); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'p':
      TryDocument(text, &spec::ParsePodSpec);
      break;
    case 'c':
      TryDocument(text, &spec::ParseContainerSpec);
      break;
    case 'r':
      TryDocument(text, &spec::ParseResources);
      break;
    case 'R':
      TryDocument(text, &spec::ParsePodResources);
      break;
    case 'P':
      TryRecord(text, &spec::ParsePodRecord);
      break;
    case 'C':
      TryRecord(text, &spec::ParseContainerRecord);
      break;
    case 'E':
      TryRecord(text, &spec::ParseExitRecord);
      break;
    case 'S':
      TryRecord(text, &spec::ParseStartedRecord);
      break;
    case 'N':
      TryRecord(text, &spec::ParseNetworkRecord);
      break;
    default:
      break;
  }
  return 0;
}
