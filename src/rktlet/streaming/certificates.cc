// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/certificates.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "base/journal.h"
#include "base/strings.h"

namespace rktlet::streaming {

namespace ssl = boost::asio::ssl;
using base::StrCat;
using boost::system::error_code;

absl::StatusOr<std::unique_ptr<Certificates>> Certificates::Load(std::string certificate, std::string key) {
  std::unique_ptr<Certificates> certificates(new Certificates(std::move(certificate), std::move(key)));
  certificates->stamp_ = certificates->Stamp();
  RETURN_IF_ERROR(certificates->Reload());
  return certificates;
}

std::shared_ptr<ssl::context> Certificates::Current() {
  std::string stamp = Stamp();
  if (stamp != stamp_) {
    stamp_ = std::move(stamp);
    if (absl::Status status = Reload(); !status.ok()) {
      base::journal::Error("The changed certificate of the streaming server cannot be used; the one before stays",
                           {{"STATUS", status}});
    } else {
      base::journal::Notice("The certificate of the streaming server was read again", {{"FILE", certificate_}});
    }
  }
  return context_;
}

absl::Status Certificates::Reload() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  // Renegotiation and tickets are state that clients can make us keep.
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  error_code error;
  // A key with a passphrase is an error, not a question to the terminal.
  context->set_password_callback([](size_t, ssl::context::password_purpose) { return std::string(); }, error);
  context->use_certificate_chain_file(certificate_, error);
  if (error) {
    return absl::InvalidArgumentError(StrCat(certificate_, ": ", error.message()));
  }
  context->use_private_key_file(key_, ssl::context::pem, error);
  if (error) {
    return absl::InvalidArgumentError(StrCat(key_, ": ", error.message()));
  }
  // A key of another kind than the certificate's is taken until here.
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(StrCat(key_, ": not the key of ", certificate_));
  }
  context_ = std::move(context);
  return absl::OkStatus();
}

std::string Certificates::Stamp() const {
  std::string stamp;
  for (const std::string& file : {certificate_, key_}) {
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0) {
      stamp += StrCat(info.st_dev, " ", info.st_ino, " ", info.st_size, " ", info.st_mtim.tv_sec, " ",
                      info.st_mtim.tv_nsec, " ", info.st_ctim.tv_sec, " ", info.st_ctim.tv_nsec, "\n");
    }
  }
  return stamp;
}

}  // namespace rktlet::streaming
