// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/test_certificate.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <utility>

namespace rktlet::streaming {

void MakeCertificate(const std::string& name, KeyKind kind, const std::string& certificate_file,
                     const std::string& key_file) {
  EVP_PKEY* key = kind == KeyKind::kRsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate, subject);
  X509_sign(certificate, key, EVP_sha256());
  for (const auto& [file, is_key] : {std::pair(certificate_file, false), std::pair(key_file, true)}) {
    BIO* out = BIO_new_file((file + ".new").c_str(), "w");
    if (is_key) {
      PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    } else {
      PEM_write_bio_X509(out, certificate);
    }
    BIO_free(out);
    EXPECT_EQ(std::rename((file + ".new").c_str(), file.c_str()), 0);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace rktlet::streaming
