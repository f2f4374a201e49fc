// When ranks compute and when they add up, as a file that chrome://tracing and Perfetto open:
// RNNATIVE_MPI_TRACE=PATH writes PATH.<rank>.json.
#ifndef RNNATIVE_COMM_TRACE_H_
#define RNNATIVE_COMM_TRACE_H_

#include <chrono>
#include <cstdio>
#include <string>

namespace rnnative {

// On the engine's thread alone.
class GroupTrace {
 public:
  enum Thread { kEngine, kSums };
  using Time = std::chrono::steady_clock::time_point;

  // Null: none is asked for, or its file cannot be written.
  static GroupTrace* of(int rank);

  void add(Thread thread, const std::string& what, Time begin, Time end);
  // The file is one to read whenever the process ends.
  void flush() { std::fflush(file_); }

 private:
  GroupTrace(std::FILE* file, int rank) : file_(file), rank_(rank) {}

  std::FILE* const file_;
  const int rank_;
};

}  // namespace rnnative

#endif  // RNNATIVE_COMM_TRACE_H_
