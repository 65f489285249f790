// SPDX-License-Identifier: Apache-2.0
#include "proto/redact.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cri/v1/secret.pb.h"

namespace rktlet::proto {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr absl::string_view kRedacted = "[redacted]";
constexpr absl::string_view kCut = "...";
constexpr size_t kMaxStringSize = 256;

// kubectl apply keeps the last specification here, and with it every literal environment value.
constexpr absl::string_view kLastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

class Printer {
 public:
  explicit Printer(size_t max_size) : max_size_(max_size) {}

  void PrintMessage(const Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (full()) return;
      PrintField(message, field);
    }
  }

  std::string Take() && {
    if (out_.size() > max_size_) {
      out_.resize(max_size_ - std::min(max_size_, kCut.size()));
      absl::StrAppend(&out_, kCut.substr(0, max_size_));
    }
    return std::move(out_);
  }

 private:
  bool full() const { return out_.size() > max_size_; }

  // Starts "name" of a field, apart from what stands before it.
  void BeginField(absl::string_view name) {
    if (!out_.empty()) out_ += ' ';
    absl::StrAppend(&out_, name);
  }

  void PrintField(const Message& message, const FieldDescriptor* field) {
    if (field->options().GetExtension(secret)) {
      BeginField(field->name());
      absl::StrAppend(&out_, ": ", kRedacted);
      return;
    }
    if (field->is_map()) {
      PrintMap(message, field);
      return;
    }
    const int count = field->is_repeated() ? message.GetReflection()->FieldSize(message, field) : 1;
    for (int i = 0; i < count && !full(); ++i) {
      BeginField(field->name());
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) out_ += ": ";
      PrintValue(message, field, i);
    }
  }

  // Sorted by key, because the order of a hash table differs from run to run.
  void PrintMap(const Message& message, const FieldDescriptor* field) {
    const Reflection* reflection = message.GetReflection();
    const FieldDescriptor* key_field = field->message_type()->map_key();
    const FieldDescriptor* value_field = field->message_type()->map_value();
    std::vector<std::pair<std::string, const Message*>> entries;
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      const Message& entry = reflection->GetRepeatedMessage(message, field, i);
      Printer key(kMaxStringSize);
      key.PrintValue(entry, key_field, 0);
      entries.emplace_back(std::move(key).Take(), &entry);
    }
    std::sort(entries.begin(), entries.end());
    BeginField(field->name());
    out_ += " {";
    for (const auto& [key, entry] : entries) {
      if (full()) return;
      absl::StrAppend(&out_, " ", key, ": ");
      if (IsLastApplied(*entry, key_field)) {
        absl::StrAppend(&out_, kRedacted);
      } else {
        PrintValue(*entry, value_field, 0);
      }
    }
    out_ += " }";
  }

  static bool IsLastApplied(const Message& entry, const FieldDescriptor* key_field) {
    if (key_field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return false;
    std::string scratch;
    return entry.GetReflection()->GetStringReference(entry, key_field, &scratch) == kLastAppliedAnnotation;
  }

  // Prints the index-th value of a repeated field, or the only one of a singular field.
  void PrintValue(const Message& message, const FieldDescriptor* field, int index) {
    const Reflection* r = message.GetReflection();
    const bool repeated = field->is_repeated();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        absl::StrAppend(&out_, repeated ? r->GetRepeatedInt32(message, field, index) : r->GetInt32(message, field));
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        absl::StrAppend(&out_, repeated ? r->GetRepeatedInt64(message, field, index) : r->GetInt64(message, field));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        absl::StrAppend(&out_, repeated ? r->GetRepeatedUInt32(message, field, index) : r->GetUInt32(message, field));
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        absl::StrAppend(&out_, repeated ? r->GetRepeatedUInt64(message, field, index) : r->GetUInt64(message, field));
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        absl::StrAppend(&out_, repeated ? r->GetRepeatedDouble(message, field, index) : r->GetDouble(message, field));
        break;
      case FieldDescriptor::CPPTYPE_FLOAT:
        absl::StrAppend(&out_, repeated ? r->GetRepeatedFloat(message, field, index) : r->GetFloat(message, field));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        out_ += (repeated ? r->GetRepeatedBool(message, field, index) : r->GetBool(message, field)) ? "true" : "false";
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        PrintEnum(field, repeated ? r->GetRepeatedEnumValue(message, field, index) : r->GetEnumValue(message, field));
        break;
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        PrintString(repeated ? r->GetRepeatedStringReference(message, field, index, &scratch)
                             : r->GetStringReference(message, field, &scratch));
        break;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        out_ += " {";
        PrintMessage(repeated ? r->GetRepeatedMessage(message, field, index) : r->GetMessage(message, field));
        out_ += " }";
        break;
    }
  }

  // A number that this version has no name for comes from a newer client and shows as a number.
  void PrintEnum(const FieldDescriptor* field, int number) {
    const auto* value = field->enum_type()->FindValueByNumber(number);
    if (value == nullptr) {
      absl::StrAppend(&out_, number);
    } else {
      out_ += value->name();
    }
  }

  void PrintString(absl::string_view text) {
    const bool cut = text.size() > kMaxStringSize;
    absl::StrAppend(&out_, "\"", absl::CHexEscape(text.substr(0, kMaxStringSize)), cut ? kCut : "", "\"");
  }

  const size_t max_size_;
  std::string out_;
};

}  // namespace

std::string RedactedDebugString(const Message& message, size_t max_size) {
  Printer printer(max_size);
  printer.PrintMessage(message);
  return std::move(printer).Take();
}

}  // namespace rktlet::proto
