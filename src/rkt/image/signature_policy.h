// SPDX-License-Identifier: Apache-2.0
// What containers-policy.json(5) demands of images.
#pragma once

#include <string>

namespace rkt::image {

// The policy file that counts: the user's own, else the system's.
std::string SignaturePolicyPath();

// Whether the policy in `text` accepts every image from everywhere, so that nothing need be asked. A policy that cannot
// be read does not: skopeo says what is wrong with it.
bool AcceptsAnything(const std::string& text);

}  // namespace rkt::image
