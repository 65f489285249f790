// SPDX-License-Identifier: Apache-2.0
// The certificate of the streaming server, read again when its files change. Connections that exist keep theirs.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/status.h"

namespace rktlet::streaming {

class Certificates {
 public:
  // PEM files: the certificate with its chain, and the private key. Fails when they cannot be used now.
  static absl::StatusOr<std::unique_ptr<Certificates>> Load(std::string certificate, std::string key);

  // For a new connection. When the files have changed to what cannot be used, the one before stays.
  std::shared_ptr<boost::asio::ssl::context> Current();

 private:
  Certificates(std::string certificate, std::string key) : certificate_(std::move(certificate)), key_(std::move(key)) {}

  absl::Status Reload();
  std::string Stamp() const;

  const std::string certificate_;
  const std::string key_;
  std::string stamp_;  // of the files when they were read last, to an end or not
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace rktlet::streaming
