#include "native/runtime/machine.h"

#ifdef __linux__
#include <sched.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace rnnative {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// A file holding one number; `fallback` when it is absent or says "max".
double number_in(const std::string& path, double fallback) {
  const std::string line = first_line(path);
  char* end = nullptr;
  const double value = std::strtod(line.c_str(), &end);
  return end == line.c_str() ? fallback : value;
}

// The value behind `key` in a file of "key value" lines, in the file's unit.
double field_in(const std::string& path, const std::string& key, double fallback) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    double value;
    if (words >> name >> value && name == key) return value;
  }
  return fallback;
}

// This process's path in a cgroup hierarchy: the unified one for "", else a v1 controller's.
std::string cgroup_path(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool match = controller.empty()
                           ? controllers == ",,"
                           : controllers.find("," + controller + ",") != std::string::npos;
    if (match) return line.substr(second + 1);
  }
  return "/";
}

// The least of measure(folder) over the group and its ancestors. In a container the path may name
// folders that are not mounted; those measure as none and the walk still reaches the mount's root.
template <typename Measure>
double tightest(const std::string& mount, std::string path, Measure measure) {
  double least = kNone;
  for (;;) {
    least = std::min(least, measure(mount + (path == "/" ? "" : path)));
    if (path.empty() || path == "/") return least;
    path.resize(path.rfind('/'));
  }
}

double quota_v2(const std::string& folder) {
  std::istringstream words(first_line(folder + "/cpu.max"));
  double quota, period;
  return words >> quota >> period && period > 0 ? quota / period : kNone;
}

double quota_v1(const std::string& folder) {
  const double quota = number_in(folder + "/cpu.cfs_quota_us", -1);
  const double period = number_in(folder + "/cpu.cfs_period_us", -1);
  return quota > 0 && period > 0 ? quota / period : kNone;
}

// Limit less use; pages of the file cache that nobody touched lately count as free.
double free_in_group(double limit, double usage, double inactive_file) {
  if (limit <= 0 || limit > 1e18) return kNone;  // v1 writes "no limit" as a huge number
  return std::max(0.0, limit - std::max(0.0, usage - inactive_file));
}

double memory_v2(const std::string& folder) {
  return free_in_group(number_in(folder + "/memory.max", kNone),
                       number_in(folder + "/memory.current", 0),
                       field_in(folder + "/memory.stat", "inactive_file", 0));
}

double memory_v1(const std::string& folder) {
  return free_in_group(number_in(folder + "/memory.limit_in_bytes", kNone),
                       number_in(folder + "/memory.usage_in_bytes", 0),
                       field_in(folder + "/memory.stat", "total_inactive_file", 0));
}

double quota() {
  return std::min(tightest("/sys/fs/cgroup", cgroup_path(""), quota_v2),
                  tightest("/sys/fs/cgroup/cpu", cgroup_path("cpu"), quota_v1));
}

}  // namespace

int affinity_cpus() {
  static const int cpus = [] {
    const auto online = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
#ifdef __linux__
    constexpr int kMost = 8192;
    static cpu_set_t set[kMost / CPU_SETSIZE];
    if (sched_getaffinity(0, sizeof set, set) == 0)
      return std::max(1, static_cast<int>(CPU_COUNT_S(sizeof set, set)));
#endif
    return std::max(1, online);
  }();
  return cpus;
}

double cpu_quota() {
  static const double cpus = quota();
  return cpus == kNone ? 0 : cpus;
}

int default_threads() {
  static const int threads = [] {
    const char* text = std::getenv("OMP_NUM_THREADS");
    const int asked = text ? std::atoi(text) : 0;  // "4,2" asks for 4 at the outer level
    if (asked > 0) return std::min(asked, 1024);
    const double quota = cpu_quota();
    const int allowed = quota > 0 ? static_cast<int>(std::ceil(quota)) : affinity_cpus();
    return std::clamp(allowed, 1, affinity_cpus());
  }();
  return threads;
}

size_t available_memory() {
  const double pages = static_cast<double>(sysconf(_SC_PHYS_PAGES));
  const double physical = pages * static_cast<double>(sysconf(_SC_PAGESIZE));
  const double system = field_in("/proc/meminfo", "MemAvailable:", physical / 1024) * 1024;
  const double group =
      std::min(tightest("/sys/fs/cgroup", cgroup_path(""), memory_v2),
               tightest("/sys/fs/cgroup/memory", cgroup_path("memory"), memory_v1));
  return static_cast<size_t>(std::max(0.0, std::min(system, group)));
}

}  // namespace rnnative
