// The group that this process is one rank of: the library that moves its bytes, opened once.
#ifndef RNNATIVE_COMM_GROUP_H_
#define RNNATIVE_COMM_GROUP_H_

#include <condition_variable>
#include <mutex>
#include <string>

#include "native/comm/comm.h"

namespace rnnative {

// Opens the library and waits until all ranks have come. Null, and why in `error`, where there is
// no group.
const RnComm* open_group(const std::string& library, double timeout, std::string* error);

// Null: none was opened.
const RnComm* group();

// Waits for calls that were given `done` and this object.
class Awaited {
 public:
  static void done(void* self, const char* error, const void*, const int64_t*);
  // Until `calls` have come about; the reason of the first that failed, or empty.
  std::string wait(int calls);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int done_ = 0;
  std::string error_;
};

}  // namespace rnnative

#endif  // RNNATIVE_COMM_GROUP_H_
