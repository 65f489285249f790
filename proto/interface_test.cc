// SPDX-License-Identifier: Apache-2.0
//
// The interface that was compiled in is the CRI, to the letter: its facts, by reflection, equal proto/cri-v1.facts.
// RKTLET_UPDATE_GOLDEN=1 rewrites that file, which is a change of the interface and wants a reviewer.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cri/v1/api.grpc.pb.h"
#include "cri/v1/secret.pb.h"

namespace rktlet::proto {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr char kGoldenFile[] = RKTLET_SOURCE_DIR "/proto/cri-v1.facts";
constexpr char kHeading[] = "kind\towner\tnumber\tname\ttype or request\toneof or response";

// One line of the facts: what it is, of which message, enum or service, its number if it has one, its name, and two
// things more that depend on the kind.
struct Fact {
  std::string kind = {};
  std::string owner = {};
  int number = 0;
  bool has_number = false;
  std::string name = {};
  std::string type = {};
  std::string extra = {};

  auto Key() const { return std::tie(kind, owner, number, name); }
  std::string Line() const {
    return absl::StrJoin({kind, owner, has_number ? absl::StrCat(number) : "", name, type, extra}, "\t");
  }
};

std::string TypeName(const FieldDescriptor& field) {
  if (field.message_type() != nullptr) return field.message_type()->name();
  if (field.enum_type() != nullptr) return field.enum_type()->name();
  return field.type_name();
}

Fact FieldFact(const std::string& owner, const FieldDescriptor& field) {
  Fact fact{.kind = "field", .owner = owner, .number = field.number(), .has_number = true, .name = field.name()};
  if (field.is_map()) {
    fact.type = absl::StrCat("map<", TypeName(*field.message_type()->map_key()), ",",
                             TypeName(*field.message_type()->map_value()), ">");
  } else if (field.is_repeated()) {
    fact.type = absl::StrCat("repeated ", TypeName(field));
  } else if (field.has_optional_keyword()) {
    fact.type = absl::StrCat("optional ", TypeName(field));
  } else {
    fact.type = TypeName(field);
  }
  if (field.real_containing_oneof() != nullptr) fact.extra = field.real_containing_oneof()->name();
  return fact;
}

void AddEnum(const std::string& prefix, const EnumDescriptor& type, std::vector<Fact>* facts) {
  for (int i = 0; i < type.value_count(); ++i) {
    facts->push_back({.kind = "enum",
                      .owner = prefix + type.name(),
                      .number = type.value(i)->number(),
                      .has_number = true,
                      .name = type.value(i)->name()});
  }
}

void AddMessage(const std::string& prefix, const Descriptor& type, std::vector<Fact>* facts) {
  const std::string name = prefix + type.name();
  for (int i = 0; i < type.field_count(); ++i) facts->push_back(FieldFact(name, *type.field(i)));
  if (type.field_count() == 0) facts->push_back({.kind = "message", .owner = name, .extra = "empty"});
  for (int i = 0; i < type.nested_type_count(); ++i) {
    if (!type.nested_type(i)->options().map_entry()) AddMessage(name + ".", *type.nested_type(i), facts);
  }
  for (int i = 0; i < type.enum_type_count(); ++i) AddEnum(name + ".", *type.enum_type(i), facts);
}

void AddService(const ServiceDescriptor& service, std::vector<Fact>* facts) {
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodDescriptor& method = *service.method(i);
    EXPECT_FALSE(method.client_streaming()) << method.full_name();
    facts->push_back({.kind = "rpc",
                      .owner = service.name(),
                      .name = method.name(),
                      .type = method.input_type()->name(),
                      .extra = (method.server_streaming() ? "stream " : "") + method.output_type()->name()});
  }
}

std::vector<std::string> Facts(const FileDescriptor& file) {
  std::vector<Fact> facts = {{.kind = "package", .owner = file.package()}};
  for (int i = 0; i < file.message_type_count(); ++i) AddMessage("", *file.message_type(i), &facts);
  for (int i = 0; i < file.enum_type_count(); ++i) AddEnum("", *file.enum_type(i), &facts);
  for (int i = 0; i < file.service_count(); ++i) AddService(*file.service(i), &facts);
  std::sort(facts.begin(), facts.end(), [](const Fact& a, const Fact& b) { return a.Key() < b.Key(); });

  std::vector<std::string> lines = {kHeading};
  for (const Fact& fact : facts) lines.push_back(fact.Line());
  return lines;
}

const FileDescriptor& CriFile() { return *runtime::v1::VersionRequest::descriptor()->file(); }

std::vector<std::string> ReadGolden() {
  std::ifstream in(kGoldenFile);
  std::ostringstream text;
  text << in.rdbuf();
  return absl::StrSplit(text.str(), '\n', absl::SkipEmpty());
}

std::vector<std::string> WithPrefix(const std::vector<std::string>& lines, const std::string& prefix) {
  std::vector<std::string> found;
  for (const std::string& line : lines) {
    if (line.rfind(prefix, 0) == 0) found.push_back(line);
  }
  return found;
}

TEST(CriInterface, IsTheOneInTheFactsFile) {
  const std::vector<std::string> facts = Facts(CriFile());
  if (std::getenv("RKTLET_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kGoldenFile) << absl::StrJoin(facts, "\n") << "\n";
  }
  std::vector<std::string> golden = ReadGolden();
  EXPECT_EQ(facts.size(), golden.size());

  std::vector<std::string> ours = facts;
  std::vector<std::string> missing, excess;
  std::sort(ours.begin(), ours.end());
  std::sort(golden.begin(), golden.end());
  std::set_difference(golden.begin(), golden.end(), ours.begin(), ours.end(), std::back_inserter(missing));
  std::set_difference(ours.begin(), ours.end(), golden.begin(), golden.end(), std::back_inserter(excess));
  EXPECT_THAT(missing, IsEmpty()) << "in " << kGoldenFile << ", not compiled in";
  EXPECT_THAT(excess, IsEmpty()) << "compiled in, not in " << kGoldenFile;
  EXPECT_THAT(facts, ElementsAreArray(ReadGolden())) << "the same lines in another order";
}

TEST(CriInterface, HasFortyThreeRpcsInTwoServices) {
  const std::vector<std::string> facts = Facts(CriFile());
  EXPECT_EQ(CriFile().service_count(), 2);
  EXPECT_THAT(WithPrefix(facts, "rpc\tRuntimeService\t"), SizeIs(37));
  EXPECT_THAT(WithPrefix(facts, "rpc\tImageService\t"), SizeIs(6));
  EXPECT_THAT(WithPrefix(facts, "field\t"), SizeIs(478));
  EXPECT_THAT(WithPrefix(facts, "enum\t"), SizeIs(95));
}

TEST(CriInterface, IsFoundByClientsUnderItsFullServiceNames) {
  EXPECT_STREQ(runtime::v1::RuntimeService::service_full_name(), "runtime.v1.RuntimeService");
  EXPECT_STREQ(runtime::v1::ImageService::service_full_name(), "runtime.v1.ImageService");
}

void AddSecrets(const Descriptor& type, std::vector<std::string>* names) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.options().GetExtension(secret)) names->push_back(absl::StrCat(type.name(), ".", field.name()));
  }
}

TEST(CriInterface, MarksItsSecrets) {
  std::vector<std::string> names;
  for (int i = 0; i < CriFile().message_type_count(); ++i) AddSecrets(*CriFile().message_type(i), &names);
  EXPECT_THAT(names, UnorderedElementsAre(
                         // Credentials and the environment.
                         "AuthConfig.password", "AuthConfig.auth", "AuthConfig.identity_token",
                         "AuthConfig.registry_token", "KeyValue.value",
                         // Tokens in URLs.
                         "ExecResponse.url", "AttachResponse.url", "PortForwardResponse.url",
                         // What may repeat the environment.
                         "ExecSyncResponse.stdout", "ExecSyncResponse.stderr", "PodSandboxStatusResponse.info",
                         "ContainerStatusResponse.info", "ImageStatusResponse.info"));
}

}  // namespace
}  // namespace rktlet::proto
