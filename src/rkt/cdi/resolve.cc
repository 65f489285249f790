// SPDX-License-Identifier: Apache-2.0
#include "rkt/cdi/resolve.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::cdi {
namespace {

using rktlet::base::StrCat;

struct LoadedFile {
  std::string path;
  SpecFile spec;
};

struct Definition {
  const LoadedFile* file = nullptr;
  size_t index = 0;                   // of the device in it
  const LoadedFile* rival = nullptr;  // another file of the same directory that defines it
};

// All files of all directories.
class Index {
 public:
  void AddDirectory(const std::string& directory) {
    // /var/run is a link to /run: a directory that is listed under two names is one.
    char resolved[PATH_MAX];
    if (realpath(directory.c_str(), resolved) == nullptr || !seen_.insert(resolved).second) {
      return;
    }
    const absl::StatusOr<std::vector<std::string>> names = rktlet::base::ListDirectory(directory);
    if (!names.ok()) {
      unusable_.push_back(StrCat(directory, ": ", names.status().message()));
      return;
    }
    std::map<std::string, Definition> found;
    for (const std::string& name : *names) {
      if (name.ends_with(".json") || name.ends_with(".yaml")) {
        AddFile(directory + "/" + name, name.ends_with(".json") ? Format::kJson : Format::kYaml, found);
      }
    }
    for (auto& [name, definition] : found) {
      devices_[name] = definition;
    }
  }

  const Definition* Find(const std::string& name) const {
    const auto found = devices_.find(name);
    return found == devices_.end() ? nullptr : &found->second;
  }

  // Why a device may be missing: the files that nobody could make sense of, and the names of its kind's devices.
  std::string Hint(const std::string& name) const {
    constexpr size_t kShown = 4;
    std::string hint;
    const std::string prefix = name.substr(0, name.find('=') + 1);
    size_t count = 0;
    for (auto it = devices_.lower_bound(prefix); it != devices_.end() && it->first.starts_with(prefix); ++it) {
      if (++count <= kShown) {
        hint += StrCat(count == 1 ? "; of its kind there are " : ", ", it->first.substr(prefix.size()));
      }
    }
    if (count > kShown) {
      hint += StrCat(" and ", count - kShown, " more");
    }
    for (size_t i = 0; i < unusable_.size() && i < kShown; ++i) {
      hint += "; unusable: " + unusable_[i];
    }
    return hint;
  }

 private:
  void AddFile(const std::string& path, Format format, std::map<std::string, Definition>& found) {
    const absl::StatusOr<std::string> text = ReadSpecification(path);
    if (!text.ok()) {
      if (!absl::IsNotFound(text.status())) {  // gone meanwhile
        unusable_.push_back(StrCat(path, ": ", text.status().message()));
      }
      return;
    }
    files_.push_back(std::make_unique<LoadedFile>(LoadedFile{path, ParseSpecFile(*text, format)}));
    const LoadedFile& file = *files_.back();
    if (!file.spec.problem.ok() && file.spec.devices.empty()) {
      unusable_.push_back(StrCat(path, ": ", file.spec.problem.message()));
    }
    for (size_t i = 0; i < file.spec.devices.size(); ++i) {
      const std::string name = StrCat(file.spec.kind, "=", file.spec.devices[i].name);
      const auto [place, fresh] = found.try_emplace(name, Definition{&file, i});
      if (!fresh && place->second.file != &file) {
        place->second.rival = &file;
      }
    }
  }

  static absl::StatusOr<std::string> ReadSpecification(const std::string& path) {
    // A pipe without a writer would be waited for.
    ASSIGN_OR_RETURN(const rktlet::base::UniqueFd fd,
                     rktlet::base::OpenAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat st = {};
    if (fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) {
      return absl::InvalidArgumentError("is no regular file");
    }
    return rktlet::base::ReadAll(fd.get(), kMaxDocumentSize);
  }

  std::set<std::string> seen_;
  std::vector<std::unique_ptr<LoadedFile>> files_;
  std::map<std::string, Definition> devices_;
  std::vector<std::string> unusable_;
};

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

absl::Status Check(const std::string& name, const Definition* definition, const Index& index,
                   const std::vector<std::string>& directories) {
  const std::string device = StrCat("CDI device ", name, ": ");
  if (definition == nullptr) {
    return absl::NotFoundError(
        StrCat(device, "no specification in ", Joined(directories), " defines it", index.Hint(name)));
  }
  if (definition->rival != nullptr) {
    return absl::FailedPreconditionError(
        StrCat(device, definition->file->path, " and ", definition->rival->path, " both define it"));
  }
  const SpecFile& spec = definition->file->spec;
  if (!spec.problem.ok()) {
    return rktlet::base::Annotate(spec.problem, StrCat("CDI device ", name, ": ", definition->file->path));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> DefaultDirectories() {
  return {std::begin(kDefaultDirectories), std::end(kDefaultDirectories)};
}

absl::StatusOr<std::vector<DeviceEdits>> ResolveDevices(const std::vector<std::string>& directories,
                                                        const std::vector<std::string>& names) {
  std::vector<DeviceEdits> edits;
  if (names.empty()) {
    return edits;
  }
  Index index;
  for (const std::string& directory : directories) {
    index.AddDirectory(directory);
  }
  std::set<std::string> applied;
  std::set<const LoadedFile*> files;
  for (const std::string& name : names) {
    const Definition* definition = index.Find(name);
    RETURN_IF_ERROR(Check(name, definition, index, directories));
    if (!applied.insert(name).second) {
      continue;
    }
    const LoadedFile& file = *definition->file;
    if (files.insert(&file).second && !file.spec.edits.empty()) {
      edits.push_back({name, file.path, file.spec.edits});
    }
    edits.push_back({name, file.path, file.spec.devices[definition->index].edits});
  }
  return edits;
}

}  // namespace rkt::cdi
