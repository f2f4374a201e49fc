// Why a tensor has no value.
#ifndef RNNATIVE_RUNTIME_FAILURE_H_
#define RNNATIVE_RUNTIME_FAILURE_H_

#include <memory>
#include <string>

namespace rnnative {

// The first error of a chain of dependent ops. Touched by the engine thread only until a completed
// request hands it to JavaScript, which reads `code` and `message`.
struct Failure {
  const char* code;       // a string literal
  std::string message;    // "[op] ..."
  bool reported = false;  // a read has rejected with it, so synchronize() need not
};
using FailurePtr = std::shared_ptr<Failure>;

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_FAILURE_H_
