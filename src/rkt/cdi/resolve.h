// SPDX-License-Identifier: Apache-2.0
// From the names of CDI devices to what they change in a container: the specification files of the directories are read
// when a container with such devices is made, and only then.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/cdi/spec_file.h"

namespace rkt::cdi {

// Where they are unless somebody says otherwise; the later one wins.
inline constexpr const char* kDefaultDirectories[] = {"/etc/cdi", "/var/run/cdi"};
std::vector<std::string> DefaultDirectories();

struct DeviceEdits {
  std::string device;  // qualified name of a device that brings them
  std::string file;
  Edits edits;
};

// What the named devices change, in the order in which it applies: of each file once what it has for all its devices,
// then each device's own. A name that is given twice counts once. Of one device in files of two directories the later
// directory's is meant. Missing directories are none. NotFound for a device that no file defines (with what is wrong
// with files that might); FailedPrecondition for one that two files of one directory define; the file's problem for one
// in a broken file. Every message begins with the device, and names the file and the field.
absl::StatusOr<std::vector<DeviceEdits>> ResolveDevices(const std::vector<std::string>& directories,
                                                        const std::vector<std::string>& names);

}  // namespace rkt::cdi
