// SPDX-License-Identifier: Apache-2.0
// For tests: archives made on the spot.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <clocale>
#include <string>
#include <utility>
#include <vector>

namespace rkt::image {

struct TestEntry {
  std::string path;
  mode_t mode = S_IFREG | 0644;
  std::string content = {};
  std::string symlink = {};
  std::string hardlink = {};
  int64_t uid = 0;
  int64_t gid = 0;
  dev_t device = 0;
  time_t mtime = 1'000'000;
  std::vector<std::pair<std::string, std::string>> xattrs = {};
};

// A pax archive of the entries, as libarchive writes it.
inline std::string MakeTar(const std::vector<TestEntry>& entries) {
  std::string data;
  std::setlocale(LC_CTYPE, "C.UTF-8");  // names are given to libarchive in this character set
  archive* writer = ::archive_write_new();
  ::archive_write_set_format_pax_restricted(writer);
  ::archive_write_open2(
      writer, &data, nullptr,
      [](archive*, void* to, const void* bytes, size_t size) {
        static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
        return static_cast<la_ssize_t>(size);
      },
      nullptr, nullptr);
  for (const TestEntry& entry : entries) {
    archive_entry* header = ::archive_entry_new();
    ::archive_entry_set_pathname(header, entry.path.c_str());
    ::archive_entry_set_mode(header, entry.mode);
    ::archive_entry_set_uid(header, entry.uid);
    ::archive_entry_set_gid(header, entry.gid);
    ::archive_entry_set_mtime(header, entry.mtime, 0);
    ::archive_entry_set_rdev(header, entry.device);
    ::archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
    if (!entry.symlink.empty()) {
      ::archive_entry_set_symlink(header, entry.symlink.c_str());
    }
    if (!entry.hardlink.empty()) {
      ::archive_entry_set_hardlink(header, entry.hardlink.c_str());
    }
    for (const auto& [name, value] : entry.xattrs) {
      ::archive_entry_xattr_add_entry(header, name.c_str(), value.data(), value.size());
    }
    EXPECT_EQ(::archive_write_header(writer, header), ARCHIVE_OK) << ::archive_error_string(writer);
    ::archive_write_data(writer, entry.content.data(), entry.content.size());
    ::archive_entry_free(header);
  }
  ::archive_write_close(writer);
  ::archive_write_free(writer);
  std::setlocale(LC_CTYPE, "C");
  return data;
}

// The data through one of libarchive's write filters.
inline std::string Compress(const std::string& data, int (*add_filter)(archive*)) {
  std::string compressed(data.size() + 4096, '\0');
  size_t used = 0;
  archive* writer = ::archive_write_new();
  ::archive_write_set_format_raw(writer);
  add_filter(writer);
  ::archive_write_set_bytes_per_block(writer, 0);
  ::archive_write_open_memory(writer, compressed.data(), compressed.size(), &used);
  archive_entry* header = ::archive_entry_new();
  ::archive_entry_set_filetype(header, AE_IFREG);
  ::archive_write_header(writer, header);
  ::archive_write_data(writer, data.data(), data.size());
  ::archive_entry_free(header);
  ::archive_write_close(writer);
  ::archive_write_free(writer);
  compressed.resize(used);
  return compressed;
}

}  // namespace rkt::image
