// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer where the compiler has none: runs the files it is given, then mutations of them for a while.
//   foo_fuzz [-max_total_time=SECONDS] [-seed=N] [FILE or DIRECTORY]...
// An input that crashes stays behind as ./crash-input.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxInput = 64 << 10;

void Run(const std::string& input) {
  // Written first: a crash leaves no chance to.
  static std::FILE* last = std::fopen("crash-input", "w+be");
  if (last != nullptr) {
    std::rewind(last);
    std::fwrite(input.data(), 1, input.size(), last);
    std::fflush(last);
    if (ftruncate(fileno(last), static_cast<off_t>(input.size())) != 0) {
      std::perror("crash-input");
    }
  }
  // A copy of exactly its size, so that AddressSanitizer sees what reads beyond.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string Mutate(const std::vector<std::string>& corpus, std::mt19937_64& random) {
  const auto below = [&](size_t bound) { return bound == 0 ? 0 : static_cast<size_t>(random() % bound); };
  std::string input = corpus[below(corpus.size())];
  for (size_t times = 1 + below(8); times > 0; --times) {
    const size_t at = below(input.size() + 1);
    switch (below(7)) {
      case 0:
        input.insert(at, 1, static_cast<char>(random()));
        break;
      case 1:
        input.erase(at, 1 + below(16));
        break;
      case 2:
      case 3:
        if (at < input.size()) {
          input[at] =
              static_cast<char>(below(2) == 0 ? random() : static_cast<uint64_t>(input[at]) ^ (1ULL << below(8)));
        }
        break;
      case 4: {
        const std::string& other = corpus[below(corpus.size())];
        const size_t from = below(other.size() + 1);
        input.insert(at, other, from, below(200));
        break;
      }
      case 5:
        input.insert(at, input, below(input.size() + 1), below(64));
        break;
      case 6:
        for (size_t i = at; i < std::min(at + 4, input.size()); ++i) {
          input[i] = static_cast<char>(below(2) == 0 ? 0 : 0xff);
        }
        break;
    }
  }
  input.resize(std::min(input.size(), kMaxInput));
  return input;
}

void Load(const fs::path& path, std::vector<std::string>& corpus) {
  if (fs::is_directory(path)) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) {
        Load(entry.path(), corpus);
      }
    }
    return;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    std::exit(2);
  }
  corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> corpus;
  double seconds = 0;
  uint64_t seed = std::random_device()();
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("-max_total_time=")) {
      seconds = std::strtod(argv[i] + argument.find('=') + 1, nullptr);
    } else if (argument.starts_with("-seed=")) {
      seed = std::strtoull(argv[i] + argument.find('=') + 1, nullptr, 10);
    } else {
      Load(fs::path(argument), corpus);
    }
  }
  uint64_t runs = 0;
  for (const std::string& input : corpus) {
    Run(input);
    ++runs;
  }
  corpus.emplace_back();
  std::printf("%zu inputs; mutations with seed %llu\n", corpus.size() - 1, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  std::mt19937_64 random(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    Run(Mutate(corpus, random));
    ++runs;
  }
  std::printf("%llu runs\n", static_cast<unsigned long long>(runs));
  fs::remove("crash-input");
  return 0;
}
