// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/request_fields.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "absl/strings/numbers.h"
#include "base/strings.h"

namespace rktlet::cri {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void Collect(const Descriptor& message, std::vector<const FieldDescriptor*>& steps, std::vector<FieldPath>& fields) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor* field = message.field(i);
    steps.push_back(field);
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_map();
    if (is_message && field->message_type()->field_count() > 0) {
      Collect(*field->message_type(), steps, fields);
    } else {
      fields.emplace_back(steps);
    }
    steps.pop_back();
  }
}

bool EndsWithSteps(const std::string& path, const std::string& end) { return path == end || path.ends_with("." + end); }

// Of the longest end that fits.
std::vector<std::string> TextsFor(const FieldPath& path, const Values& values) {
  const std::string name = path.Name();
  const std::vector<std::string>* found = nullptr;
  size_t length = 0;
  for (const auto& [end, texts] : values) {
    if (end.size() > length && EndsWithSteps(name, end)) {
      found = &texts;
      length = end.size();
    }
  }
  if (found != nullptr) {
    return *found;
  }
  const FieldDescriptor& field = path.leaf();
  if (field.is_map()) {
    return {"distinctive=distinctive"};
  }
  return {field.cpp_type() == FieldDescriptor::CPPTYPE_STRING ? "distinctive" : "7"};
}

template <typename T>
T Number(const std::string& text) {
  T number = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &number)) << text;
  return number;
}

void SetText(Message& parent, const FieldDescriptor& field, const std::string& text) {
  const Reflection& reflection = *parent.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return field.is_repeated() ? reflection.AddString(&parent, &field, text)
                                 : reflection.SetString(&parent, &field, text);
    case FieldDescriptor::CPPTYPE_INT32:
      return field.is_repeated() ? reflection.AddInt32(&parent, &field, Number<int32_t>(text))
                                 : reflection.SetInt32(&parent, &field, Number<int32_t>(text));
    case FieldDescriptor::CPPTYPE_INT64:
      return field.is_repeated() ? reflection.AddInt64(&parent, &field, Number<int64_t>(text))
                                 : reflection.SetInt64(&parent, &field, Number<int64_t>(text));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(&parent, &field, Number<uint32_t>(text));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(&parent, &field, Number<uint64_t>(text));
    default:
      ADD_FAILURE() << field.full_name() << " has a type that this test does not know: teach it";
  }
}

void AddPair(Message& parent, const FieldDescriptor& field, const std::string& text) {
  const size_t equals = text.find('=');
  Message& entry = *parent.GetReflection()->AddMessage(&parent, &field);
  const Descriptor& type = *field.message_type();
  SetText(entry, *type.map_key(), text.substr(0, equals));
  SetText(entry, *type.map_value(), text.substr(equals + 1));
}

}  // namespace

std::string FieldPath::Name() const {
  std::string name;
  for (const FieldDescriptor* step : steps_) {
    name += (name.empty() ? "" : ".") + step->name();
  }
  return name;
}

Message& FieldPath::Parent(Message& request) const {
  Message* message = &request;
  for (size_t i = 0; i + 1 < steps_.size(); ++i) {
    const Reflection& reflection = *message->GetReflection();
    if (!steps_[i]->is_repeated()) {
      message = reflection.MutableMessage(message, steps_[i]);
    } else if (reflection.FieldSize(*message, steps_[i]) > 0) {
      message = reflection.MutableRepeatedMessage(message, steps_[i], 0);
    } else {
      message = reflection.AddMessage(message, steps_[i]);
    }
  }
  return *message;
}

std::vector<FieldPath> FieldsOf(const Descriptor& request) {
  std::vector<FieldPath> fields;
  std::vector<const FieldDescriptor*> steps;
  Collect(request, steps, fields);
  return fields;
}

std::vector<std::unique_ptr<Message>> Variants(const Message& request, const FieldPath& path, const Values& values) {
  std::vector<std::unique_ptr<Message>> variants;
  const auto add = [&](const std::function<void(Message&)>& set) {
    std::unique_ptr<Message> variant(request.New());
    variant->CopyFrom(request);
    set(path.Parent(*variant));
    if (!google::protobuf::util::MessageDifferencer::Equals(*variant, request)) {
      variants.push_back(std::move(variant));
    }
  };
  const FieldDescriptor& field = path.leaf();
  if (field.is_map() || field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    // A list of enumerators or bools is set as one value; CRI has none.
    EXPECT_FALSE(field.is_repeated() && (field.enum_type() != nullptr || field.type() == FieldDescriptor::TYPE_BOOL))
        << field.full_name() << ": teach this test lists of its type";
  }
  if (field.is_map()) {
    for (const std::string& text : TextsFor(path, values)) {
      add([&](Message& parent) { AddPair(parent, field, text); });
    }
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    for (int i = 0; i < field.enum_type()->value_count(); ++i) {
      add([&](Message& parent) { parent.GetReflection()->SetEnum(&parent, &field, field.enum_type()->value(i)); });
    }
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    add([&](Message& parent) {
      parent.GetReflection()->SetBool(&parent, &field, !parent.GetReflection()->GetBool(parent, &field));
    });
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    add([&](Message& parent) {
      if (field.is_repeated()) {
        parent.GetReflection()->AddMessage(&parent, &field);
      } else {
        parent.GetReflection()->MutableMessage(&parent, &field);
      }
    });
  } else {
    for (const std::string& text : TextsFor(path, values)) {
      add([&](Message& parent) { SetText(parent, field, text); });
    }
  }
  return variants;
}

}  // namespace rktlet::cri
