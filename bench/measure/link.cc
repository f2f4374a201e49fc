// A network of two hosts of one machine, for kernels that cannot delay packets themselves: what is sent into one
// tun device comes out of the other after so many microseconds, at so many megabits a second each way. Makes the
// two devices, says "ready", and goes on until it is ended; stopped, it is a network that is cut off.
//
//   link DEVICE DEVICE MICROSECONDS MEGABITS
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

using Clock = std::chrono::steady_clock;

struct Packet {
  Clock::time_point due;
  std::vector<char> bytes;
};

// One way: what waits to come out.
struct Way {
  int from, to;
  std::deque<Packet> packets;
  Clock::time_point free;
};

// As much as a switch would hold: what comes when it is full is lost, as it would be there.
constexpr std::chrono::milliseconds kHeld(50);

int open_device(const char* name) {
  const int file = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  ifreq request = {};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (file < 0 || ioctl(file, TUNSETIFF, &request) < 0) {
    std::perror("link: a tun device");
    std::exit(1);
  }
  return file;
}

int main(int, char** arguments) {
  const int a = open_device(arguments[1]), b = open_device(arguments[2]);
  const std::chrono::microseconds delay(std::atol(arguments[3]));
  const double nanoseconds_a_byte = 8e3 / std::atof(arguments[4]);
  prctl(PR_SET_TIMERSLACK, 1000);
  std::puts("ready");
  std::fflush(stdout);
  Way ways[2] = {{a, b, {}, {}}, {b, a, {}, {}}};
  std::vector<char> buffer(1 << 16);
  for (;;) {
    auto now = Clock::now();
    auto next = now + std::chrono::seconds(1);
    for (Way& way : ways) {
      for (; !way.packets.empty() && way.packets.front().due <= now; way.packets.pop_front())
        if (write(way.to, way.packets.front().bytes.data(), way.packets.front().bytes.size()) < 0)
          continue;  // lost
      if (!way.packets.empty()) next = std::min(next, way.packets.front().due);
    }
    pollfd files[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    const auto left = std::chrono::nanoseconds(std::max(Clock::duration::zero(), next - now));
    const timespec time = {left.count() / 1000000000, left.count() % 1000000000};
    ppoll(files, 2, &time, nullptr);
    now = Clock::now();
    for (Way& way : ways)
      for (;;) {
        const ssize_t size = read(way.from, buffer.data(), buffer.size());
        if (size <= 0) break;
        way.free = std::max(way.free, now);
        if (way.free - now > kHeld) continue;
        way.free += std::chrono::nanoseconds(static_cast<int64_t>(size * nanoseconds_a_byte));
        way.packets.push_back({way.free + delay, {buffer.data(), buffer.data() + size}});
      }
  }
}
