// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/path_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <map>
#include <set>
#include <string_view>

namespace rktlet::engine {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// A package or an editor makes several changes in a row.
constexpr std::chrono::milliseconds kBurst(50);

std::string Parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::string Name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

class PathWatch::State : public std::enable_shared_from_this<PathWatch::State> {
 public:
  State(const asio::any_io_executor& executor, int fd, std::vector<std::string> paths, std::function<void()> callback)
      : inotify_(executor, fd), burst_(executor), paths_(std::move(paths)), callback_(std::move(callback)) {
    Arm();
  }

  void Read() {
    inotify_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code error, size_t count) {
      if (error || self->stopped_) {
        return;
      }
      self->Look(count);
      self->Read();
    });
  }

  void Stop() {
    stopped_ = true;
    error_code ignored;
    inotify_.close(ignored);
    burst_.cancel();
  }

 private:
  // A directory on the way to a watched path, and which names in it matter (none: all).
  struct Watched {
    std::set<std::string> names;
    bool all = false;
  };

  // Watches every path, its parent for the name itself, and while that is missing the nearest one that exists.
  void Arm() {
    watched_.clear();
    for (const std::string& path : paths_) {
      if (const int watch = ::inotify_add_watch(inotify_.native_handle(), path.c_str(), kEvents); watch >= 0) {
        watched_[watch].all = true;
      }
      std::string child = path;
      while (child != "/") {
        const std::string parent = Parent(child);
        const int watch = ::inotify_add_watch(inotify_.native_handle(), parent.c_str(), kEvents);
        if (watch >= 0) {
          watched_[watch].names.insert(Name(child));
          break;
        }
        child = parent;
      }
    }
  }

  void Look(size_t count) {
    bool hit = false;
    for (size_t at = 0; at + sizeof(inotify_event) <= count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer_.data() + at);
      at += sizeof(inotify_event) + event->len;
      const auto found = watched_.find(event->wd);
      const std::string name = event->len > 0 ? std::string(event->name) : "";  // NUL-padded by the kernel
      if ((event->mask & IN_Q_OVERFLOW) != 0) {
        hit = true;
      } else if (found != watched_.end()) {
        hit = hit || found->second.all || name.empty() || found->second.names.contains(name);
      }
    }
    if (hit && !pending_) {
      pending_ = true;
      burst_.expires_after(kBurst);
      burst_.async_wait([self = shared_from_this()](error_code error) {
        self->pending_ = false;
        if (!error && !self->stopped_) {
          self->Arm();
          self->callback_();
        }
      });
    }
  }

  asio::posix::stream_descriptor inotify_;
  asio::steady_timer burst_;
  const std::vector<std::string> paths_;
  const std::function<void()> callback_;
  std::map<int, Watched> watched_;
  alignas(inotify_event) std::array<char, 4096> buffer_{};
  bool pending_ = false;
  bool stopped_ = false;
};

absl::StatusOr<std::unique_ptr<PathWatch>> PathWatch::Create(asio::any_io_executor executor,
                                                             std::vector<std::string> paths,
                                                             std::function<void()> callback) {
  const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) {
    return base::ErrnoStatus(errno, "inotify_init");
  }
  auto state = std::make_shared<State>(executor, fd, std::move(paths), std::move(callback));
  state->Read();
  return std::unique_ptr<PathWatch>(new PathWatch(std::move(state)));
}

PathWatch::~PathWatch() { state_->Stop(); }

}  // namespace rktlet::engine
