// SPDX-License-Identifier: Apache-2.0
// For tests: certificates.
#pragma once

#include <string>

namespace rktlet::streaming {

enum class KeyKind { kRsa, kEcdsa };

// A self-signed certificate for `name` and its key, as PEM files that replace those before at once.
void MakeCertificate(const std::string& name, KeyKind kind, const std::string& certificate_file,
                     const std::string& key_file);

}  // namespace rktlet::streaming
