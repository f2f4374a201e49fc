#include "native/comm/trace.h"

#include <cstdlib>

namespace rnnative {

GroupTrace* GroupTrace::of(int rank) {
  static GroupTrace* const trace = [&]() -> GroupTrace* {
    const char* const path = std::getenv("RNNATIVE_MPI_TRACE");
    if (path == nullptr || *path == '\0') return nullptr;
    const std::string name = std::string(path) + "." + std::to_string(rank) + ".json";
    std::FILE* const file = std::fopen(name.c_str(), "w");
    if (file == nullptr) {
      std::fprintf(stderr, "rnnative: RNNATIVE_MPI_TRACE: %s cannot be written\n", name.c_str());
      return nullptr;
    }
    // The list need not be closed.
    std::fprintf(
        file,
        "[{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,\"args\":{\"name\":\"rank %d\"}}",
        rank, rank);
    const char* const names[] = {"engine", "sums"};
    for (int thread = 0; thread < 2; ++thread)
      std::fprintf(file,
                   ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"args\":{"
                   "\"name\":\"%s\"}}",
                   rank, thread, names[thread]);
    return new GroupTrace(file, rank);
  }();
  return trace;
}

void GroupTrace::add(Thread thread, const std::string& what, Time begin, Time end) {
  const auto microseconds = [](auto span) {
    return std::chrono::duration<double, std::micro>(span).count();
  };
  std::fprintf(file_,
               ",\n{\"name\":\"%s\",\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"ts\":%.1f,\"dur\":%.1f}",
               what.c_str(), rank_, thread, microseconds(begin.time_since_epoch()),
               microseconds(end - begin));
}

}  // namespace rnnative
