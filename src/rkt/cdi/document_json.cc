// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cdi/document.h"

namespace rkt::cdi {
namespace {

using Json = nlohmann::json;

// The events of nlohmann's parser, which itself does not recurse.
class Events final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return Add(Element::Kind::kNull, ""); }
  bool boolean(bool value) override { return Add(Element::Kind::kLiteral, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return Add(Element::Kind::kLiteral, std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Add(Element::Kind::kLiteral, std::to_string(value)); }
  bool number_float(number_float_t /*value*/, const string_t& text) override {
    return Add(Element::Kind::kLiteral, text);
  }
  bool string(string_t& value) override { return Add(Element::Kind::kText, std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }  // JSON has none
  bool start_object(size_t /*elements*/) override { return Note(tree_.Begin(Element::Kind::kMap)); }
  bool start_array(size_t /*elements*/) override { return Note(tree_.Begin(Element::Kind::kList)); }
  bool key(string_t& value) override { return Note(tree_.Key(std::move(value))); }
  bool end_object() override { return End(); }
  bool end_array() override { return End(); }
  bool parse_error(size_t /*position*/, const std::string& /*token*/, const Json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 3, column 5: …"
    std::string text = error.what();
    text = text.substr(std::min(text.find("] ") + 2, text.size()));
    error_ = absl::InvalidArgumentError(rktlet::base::StrCat("is not JSON: ", text));
    return false;
  }

  absl::StatusOr<Element> Result() {
    RETURN_IF_ERROR(error_);
    return tree_.Take();
  }

 private:
  bool Note(absl::Status status) {
    if (error_.ok()) {
      error_ = std::move(status);
    }
    return error_.ok();
  }
  bool Add(Element::Kind kind, std::string text) { return Note(tree_.Scalar(kind, std::move(text))); }
  bool End() {
    tree_.End();
    return true;
  }

  TreeBuilder tree_;
  absl::Status error_;
};

}  // namespace

absl::StatusOr<Element> ParseJson(std::string_view text) {
  if (text.size() > kMaxDocumentSize) {
    return absl::InvalidArgumentError(rktlet::base::StrCat("is larger than ", kMaxDocumentSize, " bytes"));
  }
  Events events;
  Json::sax_parse(text.begin(), text.end(), &events);
  return events.Result();
}

}  // namespace rkt::cdi
