// SPDX-License-Identifier: Apache-2.0
// No field of any request is ignored: whoever sets one finds it in what happens, or is refused, or finds it in the list
// of fields_without_effect.h. The fields are found by reflection: one that a new version of the CRI brings is unknown
// here and fails.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/strings.h"
#include "rktlet/cri/fields_without_effect.h"
#include "rktlet/cri/request_fields.h"
#include "rktlet/cri/request_samples.h"
#include "rktlet/cri/rpcs_in_memory.h"

namespace rktlet::cri {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;
using google::protobuf::ServiceDescriptor;
using testing::IsEmpty;

std::map<std::string, const Descriptor*> RequestsOfAllRpcs() {
  std::map<std::string, const Descriptor*> requests;
  const auto& file = *v1::VersionRequest::descriptor()->file();
  for (int i = 0; i < file.service_count(); ++i) {
    const ServiceDescriptor& service = *file.service(i);
    for (int j = 0; j < service.method_count(); ++j) {
      requests[service.method(j)->name()] = service.method(j)->input_type();
    }
  }
  return requests;
}

std::unique_ptr<Message> Parse(const Descriptor& type, const std::string& text) {
  std::unique_ptr<Message> message(google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message.get())) << text;
  return message;
}

Outcome Ask(const std::string& rpc, const Message& request) { return RpcsInMemory().Ask(rpc, request); }

// Whether the refusal is about this field or a message that it is in: by name, or by its value.
bool Names(const absl::Status& refusal, const FieldPath& path) {
  static const std::set<std::string> kTooBroad = {"config", "linux", "security_context"};
  for (const auto* step : path.steps()) {
    if (!kTooBroad.contains(step->name()) && refusal.message().find(step->name()) != std::string_view::npos) {
      return true;
    }
  }
  return refusal.message().find("distinctive") != std::string_view::npos;
}

enum class Verdict { kHasEffect, kRefused, kIgnored };

// kRefused: with each value in each sample that could be judged. kIgnored: taken, and nothing was different.
Verdict Judge(const std::string& rpc, const FieldPath& path, const std::vector<std::unique_ptr<Message>>& samples) {
  bool taken = false;
  bool refused = false;
  for (const auto& sample : samples) {
    std::unique_ptr<Message> request(sample->New());
    request->CopyFrom(*sample);
    path.Parent(*request);
    const Outcome before = Ask(rpc, *request);
    for (const auto& variant : Variants(*request, path, RequestValues())) {
      const Outcome after = Ask(rpc, *variant);
      if (after.status.ok() && (!before.status.ok() || before.effect != after.effect)) {
        return Verdict::kHasEffect;
      }
      taken = taken || after.status.ok();
      refused = refused || Names(after.status, path);
    }
  }
  return refused && !taken ? Verdict::kRefused : Verdict::kIgnored;
}

// The entry of the list that the field is under; "".
std::string Listed(const std::string& field) {
  for (const auto& [listed, reason] : FieldsWithoutEffect()) {
    if (field == listed || field.starts_with(listed + ".")) {
      return listed;
    }
  }
  return "";
}

class RequestFields : public testing::TestWithParam<std::string> {};

TEST_P(RequestFields, HaveAnEffectOrAreRefusedOrListed) {
  const std::string& rpc = GetParam();
  const Descriptor& type = *RequestsOfAllRpcs().at(rpc);
  const std::vector<FieldPath> fields = FieldsOf(type);
  const auto texts = RequestSamples();
  if (fields.empty()) {
    return;
  }
  ASSERT_TRUE(texts.contains(rpc)) << "there is no request of it in request_samples.h";
  std::vector<std::unique_ptr<Message>> samples;
  for (const std::string& text : texts.at(rpc)) {
    samples.push_back(Parse(type, text));
    const Outcome once = Ask(rpc, *samples.back());
    const Outcome again = Ask(rpc, *samples.back());
    ASSERT_EQ(once.status, again.status);
    ASSERT_EQ(once.effect, again.effect) << "differs from call to call: no field can be judged by it";
  }
  EXPECT_THAT(Ask(rpc, *samples.front()).status, base::IsOk());
  for (const FieldPath& path : fields) {
    const std::string name = rpc + "." + path.Name();
    const bool ignored = Judge(rpc, path, samples) == Verdict::kIgnored;
    if (Listed(name).empty()) {
      EXPECT_FALSE(ignored) << name << " is ignored: honour it, refuse it, or give the reason in the list";
    } else {
      EXPECT_TRUE(ignored) << name << " is not ignored: take it out of the list";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllRpcs, RequestFields, testing::ValuesIn(RpcsInMemory::Names()),
                         [](const auto& info) { return info.param; });

TEST(RequestFieldsList, NamesFieldsThatExist) {
  std::set<std::string> names;
  for (const auto& [rpc, type] : RequestsOfAllRpcs()) {
    for (const FieldPath& path : FieldsOf(*type)) {
      std::string name = rpc;
      for (const auto* step : path.steps()) {
        name += "." + step->name();
        names.insert(name);
      }
    }
  }
  for (const auto& [listed, reason] : FieldsWithoutEffect()) {
    EXPECT_TRUE(names.contains(listed)) << listed << " is no field: take it out of the list";
    EXPECT_THAT(reason, testing::Not(IsEmpty())) << listed;
  }
}

TEST(RequestFieldsList, EveryRpcOfTheInterfaceIsServed) {
  std::set<std::string> missing;
  for (const auto& [rpc, type] : RequestsOfAllRpcs()) {
    missing.insert(rpc);
  }
  EXPECT_EQ(missing.size(), 43U);
  for (const std::string& rpc : RpcsInMemory::Names()) {
    EXPECT_EQ(missing.erase(rpc), 1U) << rpc;
  }
  EXPECT_THAT(missing, IsEmpty());
}

}  // namespace
}  // namespace rktlet::cri
