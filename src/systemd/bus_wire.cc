// SPDX-License-Identifier: Apache-2.0
#include "systemd/bus_wire.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "systemd/sdbus.h"

namespace rktlet::systemd {
namespace {

template <typename T>
void WriteValue(sdbus::Message& message, const T& value) {
  message << value;
}

// systemd expands $WORD and ${WORD} in command lines, also in those that come over the bus; "$$" is a plain '$'
// (systemd.service(5), "Command lines").
std::vector<std::string> WithoutExpansion(const std::vector<std::string>& argv) {
  std::vector<std::string> literal;
  for (const std::string& argument : argv) {
    std::string& out = literal.emplace_back();
    for (const char c : argument) {
      out.append(c == '$' ? 2 : 1, c);
    }
  }
  return literal;
}

void WriteValue(sdbus::Message& message, const std::vector<ExecCommand>& commands) {
  message.openContainer("(sasb)");
  for (const ExecCommand& command : commands) {
    message.openStruct("sasb");
    message << command.path << WithoutExpansion(command.argv) << command.ignore_failure;
    message.closeStruct();
  }
  message.closeContainer();
}

template <typename T>
void WriteValue(sdbus::Message& message, const std::vector<std::pair<std::string, T>>& pairs) {
  const std::string signature = std::is_same_v<T, std::string> ? "ss" : "st";
  message.openContainer(("(" + signature + ")").c_str());
  for (const auto& [first, second] : pairs) {
    message.openStruct(signature.c_str());
    message << first << second;
    message.closeStruct();
  }
  message.closeContainer();
}

void WriteValue(sdbus::Message& message, const std::vector<Property>& properties) {
  message.openContainer("(sv)");
  for (const Property& property : properties) {
    message.openStruct("sv");
    message << property.name;
    message.openVariant(std::string(SignatureOf(property.value)).c_str());
    std::visit([&message](const auto& value) { WriteValue(message, value); }, property.value);
    message.closeVariant();
    message.closeStruct();
  }
  message.closeContainer();
}

void WriteValue(sdbus::Message& message, const NoAuxiliaryUnits& /*none*/) {
  message.openContainer("(sa(sv))");
  message.closeContainer();
}

template <typename T>
T ReadVariant(sdbus::Message& message, const std::string& signature) {
  T value{};
  message.enterVariant(signature.c_str());
  message >> value;
  message.exitVariant();
  return value;
}

// Length of the first complete type of a signature: "a{sv}u" has 5.
size_t FirstTypeLength(std::string_view signature) {
  size_t length = 0;
  while (length < signature.size() && signature[length] == 'a') {
    ++length;
  }
  int depth = 0;
  do {
    const char c = length < signature.size() ? signature[length] : '\0';
    depth += c == '(' || c == '{' ? 1 : c == ')' || c == '}' ? -1 : 0;
    ++length;
  } while (depth > 0 && length < signature.size());
  return std::min(length, signature.size());
}

bool SkipVariant(sdbus::Message& message);

template <typename T>
bool SkipBasic(sdbus::Message& message) {
  T ignored{};
  return static_cast<bool>(message >> ignored);
}

// Passes over one value; false at the end of an array. sdbus::Variant could take it up as well, but copies each value
// into a message of its own, and a unit has 450 properties of which we want 20.
bool SkipValue(sdbus::Message& message, std::string_view type) {
  const std::string contents(type.size() > 2 ? type.substr(1, type.size() - 2) : std::string_view());
  switch (type.front()) {
    case 'a': {
      const std::string element(type.substr(1));
      if (!message.enterContainer(element.c_str())) {
        return false;
      }
      while (SkipValue(message, element)) {
      }
      message.clearFlags();
      message.exitContainer();
      return true;
    }
    case '(':
    case '{': {
      if (type.front() == '(' ? !message.enterStruct(contents.c_str()) : !message.enterDictEntry(contents.c_str())) {
        return false;
      }
      for (std::string_view rest = contents; !rest.empty(); rest.remove_prefix(FirstTypeLength(rest))) {
        SkipValue(message, rest.substr(0, FirstTypeLength(rest)));
      }
      type.front() == '(' ? message.exitStruct() : message.exitDictEntry();
      return true;
    }
    case 'v':
      return SkipVariant(message);
    case 'b':
      return SkipBasic<bool>(message);
    case 'y':
      return SkipBasic<uint8_t>(message);
    case 'n':
      return SkipBasic<int16_t>(message);
    case 'q':
      return SkipBasic<uint16_t>(message);
    case 'i':
      return SkipBasic<int32_t>(message);
    case 'u':
      return SkipBasic<uint32_t>(message);
    case 'x':
      return SkipBasic<int64_t>(message);
    case 't':
      return SkipBasic<uint64_t>(message);
    case 'd':
      return SkipBasic<double>(message);
    case 'o':
      return SkipBasic<sdbus::ObjectPath>(message);
    case 'g':
      return SkipBasic<sdbus::Signature>(message);
    case 'h':
      return SkipBasic<sdbus::UnixFd>(message);
    default:
      return SkipBasic<std::string>(message);
  }
}

bool SkipVariant(sdbus::Message& message) {
  const auto [type, contents] = bus::PeekType(message);
  if (type != "v" || !message.enterVariant(contents.c_str())) {
    return false;
  }
  SkipValue(message, contents);
  message.exitVariant();
  return true;
}

// The variant at the read position when it has a type that a fact can have; else it is passed over.
std::optional<FactValue> ReadFact(sdbus::Message& message) {
  const auto [type, signature] = bus::PeekType(message);
  if (signature == "s") {
    return ReadVariant<std::string>(message, signature);
  }
  if (signature == "b") {
    return ReadVariant<bool>(message, signature);
  }
  if (signature == "i") {
    return int64_t{ReadVariant<int32_t>(message, signature)};
  }
  if (signature == "x") {
    return ReadVariant<int64_t>(message, signature);
  }
  if (signature == "u") {
    return uint64_t{ReadVariant<uint32_t>(message, signature)};
  }
  if (signature == "t") {
    return ReadVariant<uint64_t>(message, signature);
  }
  if (signature == "ay") {
    const Bytes bytes = ReadVariant<Bytes>(message, signature);
    return std::string(bytes.begin(), bytes.end());
  }
  if (signature == "(uo)") {  // Job: its number and object
    return uint64_t{std::get<0>(ReadVariant<sdbus::Struct<uint32_t, sdbus::ObjectPath>>(message, signature))};
  }
  SkipVariant(message);
  return std::nullopt;
}

bool IsWanted(const std::string& property) {
  return IsFact(property) || property == "Version" || property == "Features";
}

std::vector<UnitSummary> ReadUnits(sdbus::Message& message) {
  using Line = sdbus::Struct<std::string, std::string, std::string, std::string, std::string, std::string,
                             sdbus::ObjectPath, uint32_t, std::string, sdbus::ObjectPath>;
  std::vector<Line> lines;
  message >> lines;
  std::vector<UnitSummary> units;
  for (Line& line : lines) {
    absl::StatusOr<UnitName> name = UnitName::Parse(std::get<0>(line));
    if (name.ok()) {
      units.push_back({.name = *std::move(name),
                       .description = std::move(std::get<1>(line)),
                       .load_state = std::move(std::get<2>(line)),
                       .active_state = std::move(std::get<3>(line)),
                       .sub_state = std::move(std::get<4>(line)),
                       .job_id = std::get<7>(line)});
    }
  }
  return units;
}

}  // namespace

void WriteArgument(sdbus::Message& message, const BusArgument& argument) {
  std::visit([&message](const auto& value) { WriteValue(message, value); }, argument);
}

FactMap ReadFacts(sdbus::Message& message) {
  FactMap facts;
  message.enterContainer("{sv}");
  while (message.enterDictEntry("sv")) {
    std::string name;
    message >> name;
    if (IsWanted(name)) {
      if (std::optional<FactValue> value = ReadFact(message); value.has_value()) {
        facts.insert_or_assign(std::move(name), *std::move(value));
      }
    } else {
      SkipVariant(message);
    }
    message.exitDictEntry();
  }
  message.clearFlags();
  message.exitContainer();
  return facts;
}

BusReply ReadReply(sdbus::Message& message, ReplyShape shape) {
  BusReply reply;
  switch (shape) {
    case ReplyShape::kNone:
      break;
    case ReplyShape::kText: {
      if (bus::PeekType(message).first == "o") {
        sdbus::ObjectPath path;
        message >> path;
        reply.text = std::move(path);
      } else {
        message >> reply.text;
      }
      break;
    }
    case ReplyShape::kFacts:
      reply.facts = ReadFacts(message);
      break;
    case ReplyShape::kUnits:
      reply.units = ReadUnits(message);
      break;
  }
  return reply;
}

}  // namespace rktlet::systemd
