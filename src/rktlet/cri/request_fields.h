// SPDX-License-Identifier: Apache-2.0
// For tests: every field of a request, found by reflection, and values to try in it.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rktlet::cri {

// A field that holds a value (a scalar, a list of them, a map), with the messages that lead to it.
class FieldPath {
 public:
  explicit FieldPath(std::vector<const google::protobuf::FieldDescriptor*> steps) : steps_(std::move(steps)) {}

  const google::protobuf::FieldDescriptor& leaf() const { return *steps_.back(); }
  const std::vector<const google::protobuf::FieldDescriptor*>& steps() const { return steps_; }
  std::string Name() const;  // "config.metadata.name"

  // Makes the messages that lead to it present, of a list the first item. The one that has the field.
  google::protobuf::Message& Parent(google::protobuf::Message& request) const;

 private:
  std::vector<const google::protobuf::FieldDescriptor*> steps_;
};

// All of them, in the order of the descriptors; a message without fields is one itself.
std::vector<FieldPath> FieldsOf(const google::protobuf::Descriptor& request);

// Values for fields by the end of their path ("host_ip", "sysctls"), as text; of a map "key=value".
using Values = std::map<std::string, std::vector<std::string>>;

// Copies of `request`, each with one other value in this field: of an enumeration all that there are, of a bool the
// other one, else those of `values`, or one that nobody would take for a default. Lists and maps are given one more.
std::vector<std::unique_ptr<google::protobuf::Message>> Variants(const google::protobuf::Message& request,
                                                                 const FieldPath& path, const Values& values);

}  // namespace rktlet::cri
