// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/process_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"
#include "rktlet/stats/parse.h"

namespace rktlet::stats {

OpenFiles CountOpenFiles(const std::string& proc, const std::vector<int>& processes) {
  OpenFiles files;
  for (const int process : processes) {
    const std::string path = base::StrCat(proc, "/", process, "/fd");
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
    while (const dirent* entry = directory == nullptr ? nullptr : ::readdir(directory.get())) {
      if (entry->d_name[0] == '.') {
        continue;
      }
      ++files.descriptors;
      std::array<char, 16> target;
      const ssize_t size = ::readlinkat(::dirfd(directory.get()), entry->d_name, target.data(), target.size());
      if (size > 0 && std::string_view(target.data(), static_cast<size_t>(size)).starts_with("socket:")) {
        ++files.sockets;
      }
    }
  }
  return files;
}

Counter OpenFilesLimit(const std::string& proc, int process) {
  constexpr std::string_view kName = "Max open files";
  SmallFiles files;
  auto text = files.Read(AT_FDCWD, base::StrCat(proc, "/", process, "/limits").c_str());
  while (text.has_value() && !text->empty()) {
    std::string_view line = TakeLine(*text);
    if (line.starts_with(kName)) {
      line.remove_prefix(kName.size());
      return ToNumber(TakeWord(line));
    }
  }
  return std::nullopt;
}

}  // namespace rktlet::stats
