// SPDX-License-Identifier: Apache-2.0
#include "spec/runtime_handlers.h"

#include <unistd.h>

#include <cctype>
#include <cstdlib>

#include "base/files.h"
#include "base/strings.h"

namespace rktlet::spec {
namespace {

std::string NameOf(const std::string& handler) { return handler.empty() ? kCrun : handler; }

}  // namespace

absl::StatusOr<std::string> RuntimeHandlerName(const std::string& handler) {
  const std::string wanted = NameOf(handler);
  std::string known;
  for (const char* name : kRuntimeHandlers) {
    if (wanted == name) {
      return wanted;
    }
    known += base::StrCat(known.empty() ? "\"" : ", \"", name, "\"");
  }
  return absl::InvalidArgumentError(base::StrCat("there is no runtime handler \"", handler, "\", only ", known));
}

absl::StatusOr<std::string> FindRuntimeProgram(const std::string& handler) {
  ASSIGN_OR_RETURN(const std::string name, RuntimeHandlerName(handler));
  std::string variable = "RKT_";
  for (const char letter : name) {
    variable += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  std::string path;
  if (const char* given = std::getenv(variable.c_str()); given != nullptr && *given != '\0') {
    path = given;
  } else {
    for (const char* directory : {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin"}) {
      path = base::StrCat(directory, "/", name);
      if (access(path.c_str(), X_OK) == 0) {
        break;
      }
    }
  }
  if (access(path.c_str(), X_OK) != 0) {
    return absl::NotFoundError(base::StrCat(name, " is not installed: it can start no containers"));
  }
  return path;
}

std::string RuntimeRoot(const Layout& layout, const std::string& handler) {
  return base::StrCat(layout.run_dir(), "/", NameOf(handler));
}

std::string RuntimeGate(const Layout& layout, const std::string& handler, const ContainerId& id) {
  return base::StrCat(RuntimeRoot(layout, handler), "/", id.str(), "/exec.fifo");
}

std::string RuntimeLogFile(const std::string& handler) { return NameOf(handler) + ".log"; }

bool WritesToGate(const std::string& handler) { return handler == kRunc; }

bool KnowsUserNamespaces(const std::string& handler) { return handler != kRunc; }

absl::Status RemoveRuntimeRoots(const Layout& layout, const ContainerId& id) {
  for (const char* handler : kRuntimeHandlers) {
    RETURN_IF_ERROR(base::RemoveTree(base::StrCat(RuntimeRoot(layout, handler), "/", id.str())));
  }
  return absl::OkStatus();
}

}  // namespace rktlet::spec
